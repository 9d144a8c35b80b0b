from conftest import PROMPT


def test_expect(image_judge, generator, numbers):
    for number in numbers:
        image_judge.expect(generator(number), prompt=PROMPT.format(number))
