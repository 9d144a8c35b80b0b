def test_edits(edit_judge, generator, numbers):
    for number in numbers:
        source, edited = generator(number), generator(number + 100_000)
        edit_judge.expect(source, edited, instruction=f"make the background plain, number {number}")
