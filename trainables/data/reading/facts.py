"""What files say of their pictures in sum: kinds, sizes and depth, and whether these tell the classes."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from gan_study.trainables.data.images import Labels
from gan_study.trainables.data.reading.picture import Facts, Fit, Summary

T = TypeVar("T", bound=Hashable)

# From this association with the classes on, at most 1, a property of files may be what is learnt.
_GIVEAWAY = 0.5
# Less of a difference between the sides is nothing to tell.
_NOT_SQUARE = 1.02
_KINDS_SHOWN = 3


def summarise(facts: Sequence[Facts], labels: Labels, class_names: Sequence[str]) -> Summary:
    """The sum of the `facts` [N] of pictures of the classes `labels` [N]; N is 1 at least."""
    sides = np.array([(each.width, each.height) for each in facts])
    shorter, longer = sides.min(axis=1), sides.max(axis=1)
    return Summary(
        kinds=_count([each.kind for each in facts]),
        depths=_count([each.depth for each in facts]),
        values=_count([each.values for each in facts]),
        num_turned=sum(each.is_turned for each in facts),
        num_missing=sum(each.has_missing for each in facts),
        colours=_count([each.num_colours for each in facts]),
        sizes=_count([(each.width, each.height) for each in facts]),
        num_paged=sum(each.num_pages > 1 for each in facts),
        num_generated=sum(each.is_generated for each in facts),
        num_not_square=int(np.sum(longer > _NOT_SQUARE * shorter)),
        lost=float(np.mean(1 - shorter / longer)),
        giveaways=tuple(_giveaways(facts, labels, class_names)),
    )


def size_range(sizes: Mapping[tuple[int, int], int]) -> tuple[tuple[int, int], ...]:
    """Width and height of the smallest, the median and the largest picture by their areas; counts by size."""
    ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    reached, half = 0, (sum(sizes.values()) + 1) // 2
    for size in ordered:
        reached += sizes[size]
        if reached >= half:
            break
    return ordered[0], size, ordered[-1]


def shape_note(summary: Summary, fit: Fit) -> str | None:
    """What becomes of pictures that are not square, in words; None if all are."""
    if not summary.num_not_square:
        return None
    total = sum(summary.kinds.values())
    share = f"{summary.num_not_square:,} of {total:,} images are not square"
    return {
        "squash": f"{share}: they are squeezed, the longer side by {summary.lost:.0%} on average (data.fit)",
        "pad": f"{share}: they are padded with black, {summary.lost:.0%} of the square on average",
        "crop": f"{share}: they are cropped along the longer side, by {summary.lost:.0%} on average",
    }[fit]


def association(values: Sequence[Hashable], labels: Labels) -> float:
    """Cramér's V of two nominal variables [N], corrected for its bias (Bergsma 2013): 0 for none, 1 for all."""
    names = {value: row for row, value in enumerate(dict.fromkeys(values))}
    table = np.zeros((len(names), int(labels.max()) + 1))
    np.add.at(table, (np.array([names[value] for value in values]), labels), 1)
    table = table[:, table.sum(axis=0) > 0]
    num, (rows, columns) = table.sum(), table.shape
    if rows < 2 or columns < 2 or num < 3:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / num
    phi = float(((table - expected) ** 2 / expected).sum() / num)
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (num - 1))
    rows_, columns_ = (size - (size - 1) ** 2 / (num - 1) for size in (rows, columns))
    smaller = min(rows_, columns_) - 1
    return math.sqrt(phi / smaller) if smaller > 0 else 0.0


def _giveaways(facts: Sequence[Facts], labels: Labels, class_names: Sequence[str]) -> Sequence[str]:
    properties: Mapping[str, Sequence[Hashable]] = {
        "file type": [each.kind for each in facts],
        "depth": [each.depth for each in facts],
        "colour": ["grey" if each.num_colours == 1 else "colour" for each in facts],
        # By the half of a doubling, so that photographs of all sizes are no property of their own each.
        "size": [_about(math.sqrt(each.width * each.height)) for each in facts],
        "shape": [f"about {round(4 * math.log2(each.width / each.height)) / 4:+g}" for each in facts],
    }
    found = []
    for name, values in properties.items():
        if association(values, labels) >= _GIVEAWAY:
            found.append(f"classes differ in {name} ({_by_class(name, values, labels, class_names)})")
    return found


def _by_class(name: str, values: Sequence[Hashable], labels: Labels, class_names: Sequence[str]) -> str:
    """The commonest value of the first few classes, with its share."""
    if name == "shape":
        return "wide against tall"
    said = []
    for label, class_name in enumerate(class_names):
        of_class = Counter(value for value, each in zip(values, labels, strict=True) if each == label)
        if of_class:
            value, times = of_class.most_common(1)[0]
            said.append(f"{class_name}: {value} {times / of_class.total():.0%}")
    return ", ".join(said[:_KINDS_SHOWN]) + (", ..." if len(said) > _KINDS_SHOWN else "")


def _about(size: float) -> str:
    return f"about {round(2 ** (round(2 * math.log2(size)) / 2))} pixels"


def _count(values: Sequence[T]) -> dict[T, int]:
    return dict(Counter(values).most_common())
