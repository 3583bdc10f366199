"""The first images that pass a filter, in a stream of which it lets every third pass."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from gan_study.trainables.balancing.drawing import MAX_DRAWS, FilterCounts, count_rejected, draw_passing

SEED = 5


class Stream:
    """Six images of one pixel a draw: 0 to 5 over 100, then 6 to 11, and so on."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, *, seed: int) -> Tensor:
        self.seeds.append(seed)
        return (torch.arange(6.0) + 6 * (len(self.seeds) - 1))[:, None, None, None] / 100


def every_third(images: Tensor, label: int) -> Mapping[str, Tensor]:
    """Rejects what is no multiple of three, the odd ones for a second reason too."""
    numbers = (100 * images.flatten()).round().long()
    return {"no multiple": numbers % 3 != 0, "odd": (numbers % 3 != 0) & (numbers % 2 == 1)}


def test_rejected_images_are_replaced_until_there_are_enough() -> None:
    stream = Stream()
    drawn = draw_passing(stream, 1, every_third, wanted=3, seed=SEED)
    assert (100 * drawn.images).round().flatten().tolist() == [0, 3, 6]
    # 0 to 6 were looked at: 1, 2, 4 and 5 are no multiples, 1 and 5 odd.
    assert drawn.counts == FilterCounts(num_made=7, num_rejected=4, by_reason={"no multiple": 4, "odd": 2})
    assert stream.seeds[0] == SEED
    assert len(set(stream.seeds)) == 2


def test_a_smaller_number_gives_the_first_of_a_larger() -> None:
    few, many = (draw_passing(Stream(), 1, every_third, wanted=n, seed=SEED).images for n in (3, 7))
    assert torch.equal(many[:3], few)


def test_the_draws_are_bounded() -> None:
    def nothing(images: Tensor, label: int) -> Mapping[str, Tensor]:
        return {"all": torch.ones(len(images), dtype=torch.bool)}

    stream = Stream()
    drawn = draw_passing(stream, 1, nothing, wanted=2, seed=SEED)
    assert drawn.images.shape == (0, 1, 1, 1)
    assert len(stream.seeds) == MAX_DRAWS
    assert drawn.counts == FilterCounts(num_made=60, num_rejected=60, by_reason={"all": 60})


@pytest.mark.parametrize(("second", "num_rejected"), [([1, 0, 0], 1), ([0, 1, 0], 2)])
def test_an_image_with_two_reasons_is_rejected_once(second: list[int], num_rejected: int) -> None:
    counts = count_rejected({"first": torch.tensor([1, 0, 0]) == 1, "second": torch.tensor(second) == 1})
    assert counts == FilterCounts(num_made=3, num_rejected=num_rejected, by_reason={"first": 1, "second": 1})
