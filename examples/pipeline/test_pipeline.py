import pytest
import torch

PROMPTS = ["a red fox in the snow", "a lighthouse at dusk"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_pictures(image_judge, pipeline, prompt):
    output = pipeline(prompt, num_inference_steps=2, generator=torch.Generator().manual_seed(1))
    image_judge.expect(output, prompt=prompt, seed=1)  # the pipeline's output as it is
