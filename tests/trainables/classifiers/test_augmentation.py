import pytest
import torch

from gan_study.trainables.classifiers.augmentation import BLACK, Augmentation, augment


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(number=50, size=8):
    return torch.rand(number, 2, size, size, generator=random(9)) * 2 - 1


def test_nothing_is_done_and_drawn_by_default():
    generator = random()
    before = generator.get_state()
    images = pictures()
    assert augment(images, Augmentation(), generator) is images
    assert torch.equal(generator.get_state(), before)


def test_a_mirrored_image_is_exactly_that():
    images = pictures()
    assert torch.equal(augment(images, Augmentation(flip_probability=1), random()), images.flip(-1))
    some = augment(images, Augmentation(flip_probability=0.5), random())
    mirrored = (some == images.flip(-1)).flatten(1).all(dim=1)
    kept = (some == images).flatten(1).all(dim=1)
    assert (mirrored | kept).all() and 10 < mirrored.sum() < 40


def test_a_crop_shifts_by_whole_pixels_and_pads_with_black():
    images = torch.zeros(300, 1, 8, 8)
    images[:, :, 4, 4] = 1
    cut = augment(images, Augmentation(crop_padding=2), random())
    places = (cut == 1).nonzero()
    assert set(places[:, 2].tolist()) == set(places[:, 3].tolist()) == {2, 3, 4, 5, 6}
    down, right = (places[0, 2:] - 4).abs().tolist()
    assert (cut[0] == BLACK).sum().item() == 64 - (8 - down) * (8 - right)


def test_a_shift_moves_a_dot_as_far_as_it_may():
    images = torch.full((300, 1, 16, 16), -1.0)
    images[:, :, 8, 8] = 1
    move = augment(images, Augmentation(shift=0.25), random()) + 1
    rows = torch.arange(16.0)
    centres = (move.sum(dim=3) * rows[None, None]).sum(dim=2) / move.sum(dim=(2, 3))
    assert centres.min() > 8 - 4.01 and centres.max() < 8 + 4.01
    assert centres.std().item() == pytest.approx(4 / 3**0.5, rel=0.1)


def test_a_rotation_turns_about_the_centre():
    images = torch.full((200, 1, 17, 17), -1.0)
    images[:, :, 8, 8] = 1
    images[:, :, 8, 14] = 1
    turned = augment(images, Augmentation(rotation_degrees=30), random())
    assert (turned[:, 0, 8, 8] > 0.9).all()
    assert (turned[:, 0, 8, 14] < 0.5).any()


def test_zoom_scales_within_its_range():
    ring = (torch.arange(33) - 16).abs()
    images = torch.where(torch.maximum(ring[:, None], ring[None]) <= 8, 1.0, -1.0).expand(200, 1, 33, 33)
    areas = ((augment(images, Augmentation(zoom=0.2), random()) + 1) / 2).sum(dim=(1, 2, 3)) / 17**2
    assert areas.min() > 0.8**2 - 0.02 and areas.max() < 1.2**2 + 0.02
    assert areas.std() > 0.1


def test_edges_continue_where_an_image_is_moved():
    grey = torch.full((20, 1, 8, 8), 0.25)
    move = augment(grey, Augmentation(rotation_degrees=90, shift=0.5, zoom=0.5), random())
    assert torch.allclose(move, grey)


@pytest.mark.parametrize(
    "change",
    [{"rotation_degrees": 20}, {"zoom": 0.3}, {"shift": 0.3}, {"flip_probability": 0.5}, {"crop_padding": 2}],
    ids=lambda change: next(iter(change)),
)
def test_each_image_has_its_own_draw_and_the_seed_decides(change):
    same = pictures(1).expand(20, -1, -1, -1)
    augmentation = Augmentation(**change)
    first = augment(same, augmentation, random())
    assert len({image.numpy().tobytes() for image in first}) > 1
    assert torch.equal(augment(same, augmentation, random()), first)
    assert not torch.equal(augment(same, augmentation, random(1)), first)
    assert first.shape == same.shape and first.abs().max() <= 1
