import pytest
import torch

from gan_study.trainables.gans.diff_augment import cut_out, diff_augment, recolour, translate
from gan_study.trainables.gans.random_streams import GeneratorStream


def random(seed: int = 0) -> GeneratorStream:
    return GeneratorStream(torch.Generator().manual_seed(seed))


def test_brightness_saturation_and_contrast_keep_to_their_ranges() -> None:
    # One grey value has neither saturation nor contrast: what is left is its brightness, U(-0.5, 0.5).
    flat = torch.full((4000, 3, 4, 4), 0.25)
    moved = recolour(flat, random())[:, 0, 0, 0] - 0.25
    assert moved.min() > -0.5 and moved.max() < 0.5
    assert moved.std().item() == pytest.approx(12**-0.5, rel=0.03)


def test_contrast_scales_about_the_mean() -> None:
    halves = torch.cat([torch.full((2000, 1, 2, 4), -0.4), torch.full((2000, 1, 2, 4), 0.4)], dim=2)
    made = recolour(halves, random())
    contrast = (made[:, 0, 3, 0] - made[:, 0, 0, 0]) / 0.8
    assert contrast.min() > 0.5 and contrast.max() < 1.5
    assert contrast.mean().item() == pytest.approx(1.0, abs=0.02)


def test_saturation_scales_about_the_grey() -> None:
    halves = torch.cat([torch.full((2000, 3, 2, 4), -0.4), torch.full((2000, 3, 2, 4), 0.4)], dim=2)
    made = recolour(halves + torch.tensor([-0.3, 0.0, 0.3])[:, None, None], random())
    # Contrast scales the difference of the halves, and with the saturation that of the colours.
    grey = made.mean(dim=1)
    contrast = (grey[:, 3, 0] - grey[:, 0, 0]) / 0.8
    saturation = (made[:, 2, 0, 0] - made[:, 0, 0, 0]) / (0.6 * contrast)
    assert saturation.min() > -1e-5 and saturation.max() < 2 + 1e-5
    assert saturation.mean().item() == pytest.approx(1.0, abs=0.04)
    # As widely as U(0, 2).
    assert saturation.std().item() == pytest.approx(3**-0.5, rel=0.04)


def test_translation_moves_a_dot_by_an_eighth_at_most_and_fills_with_grey() -> None:
    dots = torch.full((500, 1, 16, 16), 1.0)
    dots[:, :, 8, 8] = 5.0
    moved = translate(dots, random())
    places = (moved == 5).nonzero()
    assert len(places) == 500
    assert set(places[:, 2].tolist()) == set(places[:, 3].tolist()) == {6, 7, 8, 9, 10}
    down, right = (places[0, 2:] - 8).tolist()
    assert (moved[0] == 0).sum().item() == 256 - (16 - abs(down)) * (16 - abs(right))


def test_cut_out_takes_at_most_a_square_of_half_the_size() -> None:
    holes = (cut_out(torch.ones(500, 2, 8, 8), random()) == 0).flatten(2).sum(dim=2)
    assert torch.equal(holes[:, 0], holes[:, 1])
    assert holes.max() == 16
    # A centre in the corner leaves a quarter of the square inside.
    assert holes.min() == 4


def test_each_image_is_altered_by_itself_and_gradients_flow() -> None:
    images = torch.rand(1, 3, 8, 8).repeat(4, 1, 1, 1).requires_grad_()
    altered = diff_augment(images, random())
    assert not torch.equal(altered[0], altered[1])
    altered.sum().backward()
    assert images.grad is not None and (images.grad != 0).any(dim=(1, 2, 3)).all()


def test_equal_generators_alter_alike() -> None:
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(diff_augment(images, random()), diff_augment(images, random()))
    assert not torch.equal(diff_augment(images, random()), diff_augment(images, random(1)))
