from conftest import PROMPT


def test_both(image_judge, edit_judge, generator, numbers):
    for number in numbers:
        image_judge.expect(generator(number), prompt=PROMPT.format(number))
        edit_judge.expect(
            generator(number), generator(number + 100_000), instruction=f"make the background plain, number {number}"
        )
