import math
from dataclasses import replace

import pytest
import torch
from torchvision.transforms import v2

from gan_study.trainables.balancing.methods.image_transforms import ImageTransforms, affine
from gan_study.trainables.data.images import TrainingSet

NOTHING = ImageTransforms(rotation_degrees=0, shift=0, shear_degrees=0, zoom=0, flip_probability=0, brightness=0)


def copies(balancer: ImageTransforms, training: TrainingSet) -> torch.Tensor:
    (balanced,) = balancer.balance(training, seed=1)
    return balanced.training.images[len(training) :]


def test_without_any_transform_the_copies_are_the_images_equally_often(training: TrainingSet) -> None:
    made = copies(replace(NOTHING, balance_to=2.0), training)[-10:]
    first, second = training.of_class(2)
    assert sum(torch.allclose(image, first, atol=1e-6) for image in made) == 5
    assert sum(torch.allclose(image, second, atol=1e-6) for image in made) == 5


def test_a_certain_flip_mirrors_left_to_right(training: TrainingSet) -> None:
    torch.testing.assert_close(
        copies(replace(NOTHING, flip_probability=1.0), training), copies(NOTHING, training).flip(3)
    )


def test_a_rotation_fills_the_corners_with_background(training: TrainingSet) -> None:
    bright = replace(training, images=torch.ones_like(training.images))
    made = copies(replace(NOTHING, rotation_degrees=180.0), bright)
    assert made.min() == -1
    assert made.max() == 1


def test_brightness_scales_what_is_above_the_background(training: TrainingSet) -> None:
    grey = replace(training, images=torch.zeros_like(training.images))
    made = copies(replace(NOTHING, brightness=0.2), grey)
    # Grey is 1/2 of [0, 1]: times 0.8 to 1.2 gives 0.4 to 0.6, which is -0.2 to 0.2.
    assert made.abs().max().item() == pytest.approx(0.2, abs=0.15)
    assert made.abs().max().item() <= 0.2 + 1e-6
    torch.testing.assert_close(made.amax(dim=(1, 2, 3)), made.amin(dim=(1, 2, 3)))


@pytest.mark.parametrize(
    ("angle", "shear", "scale", "shift"),
    [(10, 0, 1, (0, 0)), (0, 20, 1, (0, 0)), (0, 0, 1.3, (0, 0)), (0, 0, 1, (3, -2)), (17, -8, 0.9, (2, 5))],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_each_image_of_a_batch_is_moved_as_torchvision_moves_one(
    angle: float, shear: float, scale: float, shift: tuple[int, int], mirrored: bool
) -> None:
    images = torch.rand(2, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    # The first image is left alone: each has numbers of its own.
    own = torch.tensor([0.0, 1.0])
    made = affine(
        images,
        radians=own * math.radians(angle),
        shear_radians=own * math.radians(shear),
        scale=1 + own * (scale - 1),
        shift=own * torch.tensor(shift)[:, None] / 28,
        mirrored=1 - 2 * own * mirrored,
    )
    expected = v2.functional.affine(
        images[1], angle, list(shift), scale, [shear, 0.0], v2.InterpolationMode.BILINEAR
    )
    torch.testing.assert_close(made[0], images[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(made[1], expected.flip(2) if mirrored else expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "changed",
    [
        {"balance_to": 0.9},
        {"rotation_degrees": 20.0},
        {"shift": 0.2},
        {"shear_degrees": 20.0},
        {"zoom": 0.2},
        {"flip_probability": 0.5},
        {"brightness": 0.2},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_setting_changes_the_result(training: TrainingSet, changed: dict[str, float]) -> None:
    default, other = copies(ImageTransforms(), training), copies(ImageTransforms(**changed), training)
    assert default.shape != other.shape or not torch.allclose(default, other)
