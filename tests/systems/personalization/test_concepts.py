"""The images of concepts, and the colors in them."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from difflab.config.data import CirclesParams
from difflab.config.personalization import ConceptCirclesParams, PresenceParams
from difflab.data.colors import rgb
from difflab.errors import DataError, UserError
from difflab.evaluation.circle_metrics import shows_color
from difflab.systems.personalization.concepts import concept_circles, photographs

SCENES = CirclesParams(
    seed=0,
    num_train=1,
    num_validation=1,
    two_circles=0.5,
    colors=["white", "black", "red", "blue", "tan", "green"],
    held_out_colors=["dark orange"],
    unseen_pairs=0.2,
    min_contrast=25.0,
)
PRESENCE = PresenceParams(max_delta_e=10.0, min_share=0.02)


def circles(num_images: int = 4, size: int = 48, seed: int = 0):
    params = ConceptCirclesParams(seed=seed, num_images=num_images, size=size)
    return concept_circles("dark orange", params, SCENES)


def test_circles_of_one_color_on_backgrounds_of_their_own():
    images = circles().images
    assert images.shape == (4, 3, 48, 48) and images.dtype == torch.uint8
    backgrounds = {tuple(image[:, 0, 0].tolist()) for image in images}
    # Tan is nearer than min_contrast to dark orange.
    assert len(backgrounds) == 4 and backgrounds <= {rgb(name) for name in SCENES.colors if name != "tan"}
    of_color = (images == torch.tensor(rgb("dark orange"), dtype=torch.uint8)[:, None, None]).all(1)
    shares = of_color.double().mean((1, 2))
    assert (shares > 0.02).all() and (shares < 0.4).all()


def test_an_image_depends_on_seed_and_number_alone():
    assert torch.equal(circles(2).images, circles(4).images[:2])
    assert not torch.equal(circles(2, seed=1).images, circles(2).images)


def test_too_many_circles_are_one_line():
    with pytest.raises(UserError, match=r"num_images: found 6, allowed: 1 to 5, the colors that dark orange is far"):
        circles(6)


def test_photographs(tmp_path):
    for number, size in enumerate([(20, 30), (20, 20), (40, 20)]):
        Image.new("RGB", size, "teal").save(tmp_path / f"{number:02d}.png")
    dataset = photographs(tmp_path)
    assert dataset.images.shape == (3, 3, 20, 20) and (dataset.images == torch.tensor(rgb("teal"))[:, None, None]).all()
    (tmp_path / "03.jpg").write_text("no image")
    with pytest.raises(DataError, match=r"03\.jpg: cannot be read as an image"):
        photographs(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no images in it, allowed: "):
        photographs(tmp_path / "empty")


def image_of(share: float, color: tuple[int, int, int]) -> torch.Tensor:
    """10×10 pixels, white but for the first `share` of them."""
    pixels = np.full((100, 3), 255, dtype=np.uint8)
    pixels[: round(share * 100)] = color
    return torch.from_numpy(pixels.reshape(10, 10, 3)).permute(2, 0, 1)


def test_presence_is_a_share_of_pixels_within_a_color_difference():
    red, green, blue = rgb("dark orange")
    others = [(red, green + step, blue) for step in range(0, 60, 5)]
    lab = rgb2lab(np.array(others, dtype=np.uint8))
    near = deltaE_ciede2000(lab, lab[:1]) <= 10
    assert near[0] and not near[-1]
    for share in (0.0, 0.01, 0.02, 0.5):
        images = torch.stack([image_of(share, other) for other in others])
        expected = torch.from_numpy(near & (share >= 0.02))
        assert torch.equal(shows_color(images, "dark orange", PRESENCE), expected)


def test_the_detector_finds_the_concept_in_its_own_images_alone():
    dataset = circles(5)
    assert shows_color(dataset.images, "dark orange", PRESENCE).all()
    for other in SCENES.colors:
        of_other = concept_circles(other, ConceptCirclesParams(seed=0, num_images=2, size=32), SCENES).images
        assert not shows_color(of_other, "dark orange", PRESENCE).any()
