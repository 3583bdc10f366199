import torch

from gan_study.trainables.base.flatten import FlattenMaps, UnflattenMaps


def test_values_of_a_position_lie_side_by_side() -> None:
    maps = torch.arange(2 * 3 * 2 * 2).view(2, 3, 2, 2)
    # The first image's channels begin at 0, 4 and 8.
    assert FlattenMaps()(maps)[0].tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


def test_unflattening_undoes_flattening() -> None:
    maps = torch.randn(2, 3, 4, 4)
    assert torch.equal(UnflattenMaps(3, 4)(FlattenMaps()(maps)), maps)


def test_maps_with_channels_last_are_not_copied() -> None:
    maps = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    assert FlattenMaps()(maps).data_ptr() == maps.data_ptr()
    assert UnflattenMaps(3, 4)(torch.randn(2, 48)).is_contiguous(memory_format=torch.channels_last)
