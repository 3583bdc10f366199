"""What a report says on images that were added to arrays: how many differ, and how many copy real ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.data.images import first_rows
from gan_study.trainables.image_quality.class_quality import has_collapsed
from gan_study.trainables.image_quality.copying import find_repeats, repeat_distance
from gan_study.trainables.image_quality.memorisation import measure_memorisation

# Methods that repeat real images as they are.
_COPIES = frozenset({"duplicates", "random_oversampling"})
# So many images of a class suffice to see that they repeat one another.
_MOST_COMPARED = 500
# What a report on images cannot know.
NOT_KNOWN = ("no real image was held out, so a membership test is not possible",)


@dataclass(frozen=True, kw_only=True)
class ClassReport:
    """What was added to one class. At most 500 of the new images are compared, pixel by pixel."""

    num_real: int
    num_added: int
    num_compared: int
    num_distinct: int
    """Distinct images among the new ones that were compared."""
    num_copies: int
    """Near-copies among those: their distance to one real image, of any class, is less than half that to any
    other."""
    num_exact: int
    """Compared images, including repeats, that are nearly equal to a real image: less than a quarter of that
    distance."""
    copied_interval: tuple[float, float] | None
    """The 95 % interval of their share (Wilson 1927); None if there are no images."""
    real_copied: tuple[int, int]
    """How many of how many real images of the class are near-copies of another real one: the number expected by
    chance."""
    has_collapsed: bool
    """Whether the new images show hardly more than five different ones; always false if copies were requested."""
    is_memorised: bool | None
    """Whether there are more near-copies among new images than among real ones; None with too few images to tell,
    and for methods that change or mix real images without learning from them."""


@dataclass(frozen=True, kw_only=True)
class ResampleReport:
    """What `fit_resample` did."""

    method: str
    classes: Mapping[Any, ClassReport]
    """By class, for classes with added images."""
    notes: tuple[str, ...]
    """Warnings, and what cannot be known."""


def report_class(
    made: npt.NDArray[np.float32],
    real: npt.NDArray[np.float32],
    is_own: npt.NDArray[np.bool_],
    *,
    method: str,
    num_classes: int,
) -> ClassReport:
    """What `method` added to one of `num_classes` classes: images `made` [N, C, H, W], beside all `real` ones.

    `is_own` [M] marks the class among these; the distances of all stand for those within a class of one.
    """
    first = np.array(first_rows(torch.from_numpy(real)))
    own_rows, other_rows = np.unique(first[is_own]), np.setdiff1d(first, first[is_own])
    all_real = real.reshape(len(real), -1)
    few, own = made[:_MOST_COMPARED].reshape(min(len(made), _MOST_COMPARED), -1), all_real[own_rows]
    near = repeat_distance(own if len(own) > 1 else all_real[:_MOST_COMPARED], seed=0)
    repeats, of_real = (find_repeats(each[:_MOST_COMPARED], nearer_than=near) for each in (few, own))
    # Nothing is held out: the method learned from all images.
    found = measure_memorisation(few, own, own[:0], others=all_real[other_rows], seed=0)
    can_tell = BALANCERS[method].trains_generator and found.can_tell(num_classes=num_classes)
    return ClassReport(
        num_real=int(is_own.sum()),
        num_added=len(made),
        num_compared=len(few),
        num_distinct=repeats.num_distinct,
        num_copies=found.copied.number,
        num_exact=found.exact.number,
        copied_interval=found.copied.interval,
        real_copied=(found.copied_real.number, found.copied_real.total),
        # Copies that repeat one another are what is asked for.
        has_collapsed=method not in _COPIES and has_collapsed(repeats, of_real),
        is_memorised=found.is_found(num_classes=num_classes) if can_tell else None,
    )


def fault_notes(name: str, found: ClassReport, *, method: str) -> Iterator[str]:
    """What is wrong with the images that `method` added to the class `name`."""
    if found.has_collapsed:
        yield (
            f"class {name!r}: {method} has collapsed; its {found.num_compared} images show "
            f"{found.num_distinct} different ones"
        )
    if found.is_memorised:
        copied, compared = found.real_copied
        yield (
            f"class {name!r}: {method} has memorised real images; {found.num_copies} of "
            f"{found.num_distinct} different images copy one, among real ones {copied} of {compared}; "
            f"{found.num_exact} of all {found.num_compared} are nearly equal to one"
        )
