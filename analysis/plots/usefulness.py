"""Whether images that look right help: the gain of each method against the quality of its images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import sub
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gan_study.analysis.plots.style import (
    FAMILY_COLOURS,
    FAMILY_MARKERS,
    REFERENCE_COLOUR,
    panels,
    shades,
    shortened,
)
from gan_study.analysis.select import MAIN_METRIC, Family, Task, confirmed, paired_gains
from gan_study.analysis.statistics import Floats
from gan_study.analysis.trial import ImageQuality, Trial
from gan_study.analysis.wording import ratio_text

FEWEST_POINTS = 3
# Above this many methods their names cover one another.
MOST_NAMED = 12
# In points: of letters, the mean width of one of them, a marker, and how far a name is above or below it.
_NAME_SIZE, _LETTER, _MARKER, _AWAY = 8.0, 4.7, 7.0, 9.0

Distance: TypeAlias = Literal["fid", "kid"]


@dataclass(frozen=True, kw_only=True)
class UsefulnessPoint:
    """A method at a ratio: how far its images are from real ones, and what they bring.

    `distance` is a distance to the training images relative to that of held-out real images, mean over minority
    classes and seeds; `gain` the mean paired gain in test minority F1.
    """

    balancer: str
    imbalance_ratio: float
    distance: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class _Relative:
    """How a distance is set against the real-image reference: at `equal` it is that of real images."""

    title: str
    equal: float
    log: bool
    value: Callable[[float, float], float | None]


def _quotient(distance: float, reference: float) -> float | None:
    return distance / reference if distance > 0 and reference > 0 else None


# An unbiased estimate may be 0 or less, so that a quotient of two KIDs means nothing.
_RELATIVE: Mapping[Distance, _Relative] = {
    "fid": _Relative(
        title="FID over that of real images (log scale)",
        equal=1.0,
        log=True,
        value=lambda found, real: found / real if found > 0 and real > 0 else None,
    ),
    "kid": _Relative(title="KID minus that of real images", equal=0.0, log=False, value=sub),
}


def usefulness_data(records: Sequence[Trial], task: Task) -> dict[Distance, tuple[UsefulnessPoint, ...]]:
    """A point for each method and ratio of a task's confirmed trials, for each distance that has three or more."""
    of_task = [record for record in records if (record.dataset, record.classifier) == task]
    means = (
        paired_gains(of_task, MAIN_METRIC).groupby(["balancer", "imbalance_ratio"], as_index=False)["value"].mean()
    )
    gains = {(balancer, ratio): gain for balancer, ratio, gain in means.itertuples(index=False)}
    points = {name: _points(confirmed(of_task), name, gains) for name in _RELATIVE}
    return {name: found for name, found in points.items() if len(found) >= FEWEST_POINTS}


def _points(
    records: Sequence[Trial], name: Distance, gains: Mapping[tuple[str, float], float]
) -> tuple[UsefulnessPoint, ...]:
    distances: dict[tuple[str, float], list[float]] = {}
    for record in records:
        found = [_relative(quality, name) for quality in _of_minority(record)]
        distances.setdefault((record.balancer, record.imbalance_ratio), []).extend(
            distance for distance in found if distance is not None
        )
    return tuple(
        UsefulnessPoint(balancer=arm[0], imbalance_ratio=arm[1], distance=float(np.mean(values)), gain=gains[arm])
        for arm, values in sorted(distances.items())
        if values and arm in gains
    )


def _of_minority(record: Trial) -> list[ImageQuality]:
    """The classes that the minority metric looks at."""
    names = [record.class_names[index] for index in record.minority_classes]
    return [record.quality[name] for name in names if name in record.quality]


def _relative(quality: ImageQuality, name: Distance) -> float | None:
    distance, floor = quality.metrics.get(name), quality.metrics.get(f"{name}_floor")
    return None if distance is None or floor is None else _RELATIVE[name].value(distance, floor)


def draw_usefulness(data: Mapping[Distance, Sequence[UsefulnessPoint]], kinds: Mapping[str, Family]) -> Figure:
    """A panel for each distance: a marker for each family, a colour for each ratio where there are several."""
    ratios = sorted({point.imbalance_ratio for points in data.values() for point in points})
    colours = dict(zip(ratios, shades(len(ratios)), strict=True)) if len(ratios) > 1 else {}
    figure, axes = panels(len(data), columns=2, row_inches=3.4, sharex=False)
    for panel, (name, points) in zip(axes, data.items(), strict=True):
        _draw_points(panel, points, kinds, colours)
        _draw_references(panel, _RELATIVE[name])
    axes[0].set_ylabel("Gain in test minority F1")
    # A name stands at the first point of its method.
    named = [
        (panel, [next(group) for _, group in groupby(points, key=lambda point: point.balancer)])
        for panel, points in zip(axes, data.values(), strict=True)
    ]
    lines = [axes[0].plot([], [], "o", color=colours[ratio])[0] for ratio in colours]
    if lines:
        names = [ratio_text(ratio) for ratio in colours]
        figure.legend(lines, names, title="Imbalance ratio", loc="outside upper center", ncols=min(8, len(names)))
    # Names are put where there is room, which is known once the panels have their sizes.
    figure.draw_without_rendering()
    for panel, firsts in named:
        if len(firsts) <= MOST_NAMED:
            _name(panel, firsts)
    return figure


def _draw_points(
    panel: Axes,
    points: Sequence[UsefulnessPoint],
    kinds: Mapping[str, Family],
    colours: Mapping[float, tuple[float, ...]],
) -> None:
    """Points of one method are joined."""
    for _, group in groupby(points, key=lambda point: point.balancer):
        method = list(group)
        family = kinds[method[0].balancer]
        where = [point.distance for point in method], [point.gain for point in method]
        panel.plot(*where, color=REFERENCE_COLOUR, linewidth=0.8, alpha=0.6)
        for point in method:
            colour = colours[point.imbalance_ratio] if colours else FAMILY_COLOURS[family]
            panel.plot(point.distance, point.gain, FAMILY_MARKERS[family], color=colour, markersize=7)
    panel.margins(x=0.22, y=0.16)


def _name(panel: Axes, points: Sequence[UsefulnessPoint]) -> None:
    names = [shortened(point.balancer, longest=18) for point in points]
    pixels = panel.transData.transform([(point.distance, point.gain) for point in points])
    places = name_places(pixels * 72 / panel.figure.dpi, names)
    for point, name, (right, up) in zip(points, names, places, strict=True):
        panel.annotate(
            name,
            (point.distance, point.gain),
            xytext=(right, up),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_NAME_SIZE,
        )


def name_places(centres: Floats, names: Sequence[str]) -> list[tuple[float, float]]:
    """Where the middle of each name goes, from its marker's centre to the right and up.

    In points, as are `centres` [N, 2]. Above, below, right or left of the marker: the first of these where it
    covers no marker and no name before it; above where there is none.
    """
    taken = [_Box(x - _MARKER / 2, y - _MARKER / 2, _MARKER, _MARKER) for x, y in centres]
    places = []
    for (x, y), name in zip(centres, names, strict=True):
        width = _LETTER * len(name)
        beside = (width + _MARKER) / 2 + 2
        around = [(0.0, _AWAY), (0.0, -_AWAY), (beside, 0.0), (-beside, 0.0)]
        boxes = [_Box(x + right - width / 2, y + up - _NAME_SIZE / 2, width, _NAME_SIZE) for right, up in around]
        free = (i for i, box in enumerate(boxes) if not any(box.covers(other) for other in taken))
        place = next(free, 0)
        taken.append(boxes[place])
        places.append(around[place])
    return places


class _Box(NamedTuple):
    """A rectangle, in points."""

    left: float
    bottom: float
    width: float
    height: float

    def covers(self, other: "_Box") -> bool:
        """Whether the two share some area."""
        across = self.left < other.left + other.width and other.left < self.left + self.width
        return across and self.bottom < other.bottom + other.height and other.bottom < self.bottom + self.height


def _draw_references(panel: Axes, relative: _Relative) -> None:
    """No gain, and what real images score."""
    panel.axhline(0, color=REFERENCE_COLOUR, linewidth=1.2, linestyle="--")
    panel.axvline(relative.equal, color=REFERENCE_COLOUR, linewidth=1.2, linestyle=":")
    panel.set_xlabel(relative.title)
    if relative.log:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
