"""Stratified draws: which indices go to which part. Pure functions of labels, groups, sizes and a seed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels

Indices: TypeAlias = npt.NDArray[np.int64]
# [N]: rows of one number are not divided. None: each row is independent.
Units: TypeAlias = npt.NDArray[np.int64]

# One for all trials: where the test set is carved, no trial ever trains on another's test images.
TEST_SEED = 0


def carve(
    labels: Labels,
    fraction: float,
    *,
    seed: int,
    class_names: Sequence[str] | None = None,
    units: Units | None = None,
    least_left: int = 1,
) -> tuple[Indices, Indices]:
    """`(rest, carved)`: sorted indices into `labels`, with `fraction` of each class split off at random.

    Class sizes are those of `per_class_sizes`, and a class's draw does not depend on the other classes. Rows with
    the same number in `units` [N] are not separated; sizes are as close as whole units allow (`_whole_units`),
    with at least one split off and `least_left` left, if there are enough, so that the rest can be split again.
    Raises DataError if a class has fewer than two images or units, or if its units cannot be divided;
    `class_names` [K] lets it name the class.
    """
    present, counts = np.unique(labels, return_counts=True)
    names = {label: class_names[label] if class_names else str(label) for label in present.tolist()}
    for label, count in zip(present.tolist(), counts, strict=True):
        if count < 2:
            raise DataError(
                f"class {names[label]!r} has {count} image; two are needed to split it (three, where test images "
                "are drawn from them too)"
            )
    sizes = dict(zip(present.tolist(), per_class_sizes([int(n) for n in counts], fraction), strict=True))
    if units is None or len(np.unique(units)) == len(units):
        carved = draw(labels, sizes, seed=seed, purpose="carve")
    else:
        taken = _whole_units(labels, units, sizes, seed=seed, names=names, least_left=least_left)
        carved = np.flatnonzero(np.isin(units, list(taken))).astype(np.int64)
    rest: Indices = np.setdiff1d(np.arange(len(labels)), carved, assume_unique=True)
    return rest, carved


def _whole_units(
    labels: Labels, units: Units, sizes: Mapping[int, int], *, seed: int, names: Mapping[int, str], least_left: int
) -> set[int]:
    """The units that are carved off, so that each class comes near to `sizes`.

    Class by class, that of fewest units first, units are met in the order in which `draw` shuffles their rows,
    and one is taken where that brings the classes that it holds nearer to their sizes; where that takes none, the
    one that does least harm. Of units of one row each, these are the rows that `draw` has.
    """
    content: dict[int, Counter[int]] = {}
    for unit, label in zip(units.tolist(), labels.tolist(), strict=True):
        content.setdefault(unit, Counter())[label] += 1
    # Units of each class that are not taken yet, and rows that it lacks.
    left = Counter(label for held in content.values() for label in held)
    stays = {label: min(least_left, number - 1) for label, number in left.items()}
    lacks, totals = dict(sizes), Counter(labels.tolist())
    taken: set[int] = set()

    def gain(unit: int) -> float:
        """How much adding a unit reduces the squared distance to the sizes, as shares of the classes."""
        return sum(n * (2 * lacks[label] - n) / totals[label] ** 2 for label, n in content[unit].items())

    def can_be_spared(unit: int) -> bool:
        return unit not in taken and all(left[label] > stays[label] for label in content[unit])

    def take(unit: int) -> None:
        taken.add(unit)
        left.subtract(content[unit].keys())
        for label, n in content[unit].items():
            lacks[label] -= n

    for label in sorted(sizes, key=lambda label: (left[label], label)):
        own = dict.fromkeys(units[_shuffled(labels, label, seed=seed, purpose="carve")].tolist())
        if len(own) < 2:
            raise DataError(
                f"class {names[label]!r} has one group of images, which is not divided ({totals[label]} images); "
                "two are needed to split it (data.group, data.look_alikes)"
            )
        for unit in own:
            if can_be_spared(unit) and gain(unit) > 0:
                take(unit)
        if taken.isdisjoint(own):
            spare = list(filter(can_be_spared, own))
            if not spare:
                raise DataError(
                    f"the groups of class {names[label]!r} cannot be split: without any of them another "
                    "class would have no images"
                )
            take(max(spare, key=gain))
    return taken


def per_class_sizes(counts: Sequence[int], fraction: float) -> tuple[int, ...]:
    """How many of each class `carve` splits off: `fraction` of it, rounded, with at least one left on either
    side.
    """
    return tuple(min(max(round(n * fraction), 1), n - 1) for n in counts)


def proportional_sizes(counts: Sequence[int], total: int) -> tuple[int, ...]:
    """`total` divided in proportion to `counts`, exactly, by largest remainder (ties: the lower label)."""
    sizes, remainders = np.divmod(np.asarray(counts, dtype=np.int64) * total, sum(counts))
    sizes[np.argsort(-remainders, kind="stable")[: total - sizes.sum()]] += 1
    return tuple(int(n) for n in sizes)


def subsample(
    labels: Labels, size: int, *, seed: int, class_names: Sequence[str], units: Units | None = None
) -> Indices:
    """Sorted indices of `size` images in the class proportions of `labels`.

    Raises DataError if there are fewer images than that, or if a class would have none.
    """
    if size > len(labels):
        raise DataError(f"train_size {size} is more than the {len(labels)} images of the training pool")
    sizes = proportional_sizes(np.bincount(labels, minlength=len(class_names)).tolist(), size)
    lost = [name for name, n in zip(class_names, sizes, strict=True) if n == 0]
    if lost:
        raise DataError(f"train_size {size} leaves no image of class {lost[0]!r}; use a larger one")
    return draw(labels, dict(enumerate(sizes)), seed=seed, purpose="subsample", units=units)


def draw(
    labels: Labels, sizes: Mapping[int, int], *, seed: int, purpose: str, units: Units | None = None
) -> Indices:
    """Sorted indices of `sizes[label]` images of each class, drawn without replacement.

    Each class has its own random stream and one shuffle, so a smaller draw is a subset of a larger one. Two or
    more images of a class come from at least two `units` [N], if it has these, so that the result can be split.
    """
    drawn = []
    for label, size in sizes.items():
        rows = _shuffled(labels, label, seed=seed, purpose=purpose)
        if units is not None and len(rows):
            other = np.flatnonzero(units[rows] != units[rows[0]])[:1]
            rows = np.concatenate([rows[:1], rows[other], np.delete(rows, [0, *other])])
        drawn.append(rows[:size])
    indices: Indices = np.sort(np.concatenate(drawn)).astype(np.int64)
    return indices


def _shuffled(labels: Labels, label: int, *, seed: int, purpose: str) -> Indices:
    """The rows of a class in the order in which they are dealt."""
    rows: Indices = numpy_generator(seed, purpose, label).permutation(np.flatnonzero(labels == label))
    return rows


@dataclass(frozen=True, kw_only=True)
class Together:
    """Which rows belong together, and the classes in which look-alikes are split nevertheless."""

    units: Units | None
    """None: each row is independent."""
    dissolved: tuple[int, ...]


def belonging(
    labels: Labels, groups: Sequence[str] | None, alike: Sequence[Sequence[int]], *, least: int
) -> Together:
    """The units of rows [N] by their `groups` [N] and by the sets of rows that look `alike`.

    A class that would have fewer than `least` units by its look-alikes is split by its groups only.
    """
    of_group: dict[str, list[int]] = {}
    for row, group in enumerate(groups or ()):
        of_group.setdefault(group, []).append(row)
    sets = list(of_group.values())
    by_group, units = units_of(len(labels), sets), units_of(len(labels), [*sets, *alike])

    def is_short(label: int) -> bool:
        number, possible = (len(np.unique(each[labels == label])) for each in (units, by_group))
        return number < min(least, possible)

    dissolved = tuple(label for label in np.unique(labels).tolist() if is_short(label))
    if dissolved:
        others = [[row for row in rows if labels[row] not in dissolved] for rows in alike]
        units = units_of(len(labels), [*sets, *others])
    is_plain = len(np.unique(units)) == len(units)
    return Together(units=None if is_plain else units, dissolved=dissolved)


def units_of(num: int, sets: Iterable[Sequence[int]]) -> Units:
    """[num]: the smallest row that each row belongs with, if the rows of each of `sets` belong together."""
    parents = list(range(num))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = row = parents[parents[row]]
        return row

    for rows in sets:
        for row in rows[1:]:
            low, high = sorted((root(rows[0]), root(row)))
            parents[high] = low
    return np.array([root(row) for row in range(num)], dtype=np.int64)
