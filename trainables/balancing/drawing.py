"""Which of a generator's images fill a class: the first ones, or the first ones that pass a filter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.data.byte_images import Images, join, take

# After so many draws a class is left as it is: a generator of which nothing passes will make nothing that does.
MAX_DRAWS = 10

# Names the streams of later draws; an export draws from the same, so that its images are a trial's.
INSTEAD_OF_REJECTED = "instead of rejected"

# From images [N, C, H, W] and the label that they were made for to which are rejected, bool [N] for each reason.
Reject: TypeAlias = Callable[[Images, int], Mapping[str, Tensor]]


class Draw(Protocol):
    """Images of a class from a generator."""

    def __call__(self, *, seed: int) -> Images:
        """Images [N, C, H, W] in [-1, 1], of every seed equally many."""
        ...


@dataclass(frozen=True, kw_only=True)
class FilterCounts:
    """The result of a filter for the images of a class."""

    num_made: int
    """Images that it judged."""
    num_rejected: int
    """Images that it rejects, for any reason."""
    by_reason: Mapping[str, int]
    """Images that it rejects for each reason; an image may have several."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Images for one class [N, C, H, W], and those rejected until there were enough."""

    images: Images
    counts: FilterCounts


def passing_rows(reasons: Mapping[str, Tensor]) -> Tensor:
    """The rows of images that no reason in `reasons` rejects, ascending; each reason has a bool [N]."""
    return torch.nonzero(~torch.stack(list(reasons.values())).any(dim=0)).squeeze(1)


def count_rejected(reasons: Mapping[str, Tensor]) -> FilterCounts:
    """What a filter found: `reasons` maps each reason of the filter to the images that it rejects, bool [N]."""
    is_rejected = torch.stack(list(reasons.values())).any(dim=0)
    return FilterCounts(
        num_made=len(is_rejected),
        num_rejected=int(is_rejected.sum()),
        by_reason={reason: int(found.sum()) for reason, found in reasons.items()},
    )


def draw_passing(draw: Draw, label: int, reject: Reject, *, wanted: int, seed: int) -> Drawn:
    """The first `wanted` images for class `label` that pass a filter; fewer if MAX_DRAWS draws do not contain
    enough.

    The first draw uses `seed` itself. A smaller number gives the first images of a larger one.
    """
    taken: list[Images] = []
    judged: list[Mapping[str, Tensor]] = []
    missing = wanted
    for attempt in range(MAX_DRAWS):
        images = draw(seed=derive_seed(seed, INSTEAD_OF_REJECTED, attempt) if attempt else seed)
        reasons = reject(images, label)
        passing = passing_rows(reasons)[:missing]
        missing -= len(passing)
        # What comes after the last image that is taken was not needed, and is not counted.
        num_judged = len(images) if missing else int(passing[-1]) + 1
        taken.append(take(images, passing))
        judged.append({reason: found[:num_judged] for reason, found in reasons.items()})
        if not missing:
            break
    all_judged = {reason: torch.cat([each[reason] for each in judged]) for reason in judged[0]}
    return Drawn(images=reduce(join, taken), counts=count_rejected(all_judged))
