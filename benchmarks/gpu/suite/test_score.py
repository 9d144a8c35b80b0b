from conftest import PROMPT


def test_score(image_judge, generator, numbers):
    for number in numbers:
        image_judge.score(generator(number), prompt=PROMPT.format(number))
