from PIL import Image, ImageDraw

PROMPTS = ["a red ball before a wall", "a blue ball before a wall"]


def model(prompt):
    """Stands for your model."""
    image = Image.effect_noise((512, 512), 6).convert("RGB")
    ImageDraw.Draw(image).ellipse((156, 156, 356, 356), fill=prompt.split()[1], outline="grey", width=6)
    return image


def test_images(image_judge):
    for prompt in PROMPTS:
        image_judge.expect(model(prompt), prompt=prompt)
