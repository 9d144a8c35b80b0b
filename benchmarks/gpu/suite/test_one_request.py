from conftest import PROMPT

from pytest_imagejudge.taxonomy import LEVEL1


def test_one_request(image_judge, generator, numbers):
    for number in numbers:
        for name in LEVEL1:
            image_judge.score(generator(number), prompt=PROMPT.format(number), dimensions=[name])
