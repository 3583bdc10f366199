"""Whether images that look right help: the gain of each method against the quality of its images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import sub

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from matplotlib.transforms import Bbox

from gan_study.analysis.inference.statistics import Floats
from gan_study.analysis.plots import palette, style
from gan_study.analysis.records.select import MAIN_METRIC, Task, confirmed, families, of_task, paired_gains
from gan_study.analysis.records.trial import ImageQuality, Trial

ARM = ["balancer", "imbalance_ratio"]
FEWEST_POINTS = 3
# Above this many methods their names cover one another.
MOST_NAMED = 12
# In points: of letters, the mean width of one of them, a marker, and how far a name is above or below it.
_NAME_SIZE, _LETTER, _MARKER, _AWAY = 8.0, 4.7, 7.0, 9.0


@dataclass(frozen=True, kw_only=True)
class _Relative:
    """How a distance is set against the real-image reference: at `equal` it is that of real images."""

    title: str
    equal: float
    log: bool
    value: Callable[[float, float], float | None]


# An unbiased estimate may be 0 or less, so that a quotient of two KIDs means nothing.
_RELATIVE: Mapping[str, _Relative] = {
    "fid": _Relative(
        title="FID over that of real images (log scale)",
        equal=1.0,
        log=True,
        value=lambda found, real: found / real if found > 0 and real > 0 else None,
    ),
    "kid": _Relative(title="KID minus that of real images", equal=0.0, log=False, value=sub),
}


def usefulness_data(records: Sequence[Trial], task: Task) -> pd.DataFrame:
    """How far images are from real ones, and what they bring: a row for each metric, method and ratio of a task.

    `distance` is a distance to the training images relative to that of held-out real images, mean over minority
    classes and seeds; `gain` the mean paired gain in test minority F1. Metrics with fewer than three are left out.
    """
    here = of_task(records, task)
    rows = [
        (metric, record.balancer, record.imbalance_ratio, distance)
        for metric in _RELATIVE
        for record in confirmed(here)
        for quality in _of_minority(record)
        if (distance := _relative(quality, metric)) is not None
    ]
    frame, gains = pd.DataFrame(rows, columns=["metric", *ARM, "distance"]), paired_gains(here, MAIN_METRIC)
    if frame.empty or gains.empty:
        # Columns without a row have no type, and cannot be joined.
        return frame.iloc[:0]
    means = frame.groupby(["metric", *ARM], as_index=False)["distance"].mean()
    points = means.join(gains.groupby(ARM)["value"].mean().rename("gain"), on=ARM)
    found = points.dropna(subset=["gain"]).assign(family=points["balancer"].map(families(records)))
    enough: pd.DataFrame = found[found.groupby("metric")["metric"].transform("size") >= FEWEST_POINTS]
    return enough


def _of_minority(record: Trial) -> list[ImageQuality]:
    """The classes that the minority metric looks at."""
    names = [record.class_names[index] for index in record.minority_classes]
    return [record.quality[name] for name in names if name in record.quality]


def _relative(quality: ImageQuality, name: str) -> float | None:
    distance, floor = quality.metrics.get(name), quality.metrics.get(f"{name}_floor")
    return None if distance is None or floor is None else _RELATIVE[name].value(distance, floor)


def draw_usefulness(data: pd.DataFrame) -> Figure:
    """A panel for each distance: a marker for each family, a colour for each ratio where there are several."""
    colours = style.ratio_colours(data["imbalance_ratio"])
    by_metric = data.groupby("metric")
    figure, axes = style.panels(len(by_metric), columns=2, row_inches=3.4, sharex=False)
    for panel, (metric, points) in zip(axes, by_metric, strict=True):
        relative = _RELATIVE[str(metric)]
        _draw_points(panel, points, colours)
        # No gain, and what real images score.
        panel.axhline(0, color=palette.REFERENCE_COLOUR, linewidth=1.2, linestyle="--")
        panel.axvline(relative.equal, color=palette.REFERENCE_COLOUR, linewidth=1.2, linestyle=":")
        panel.set_xlabel(relative.title)
        if relative.log:
            style.plain_log_axis(panel, LogLocator(subs=(1.0, 2.0, 5.0)))
    axes[0].set_ylabel("Gain in test minority F1")
    style.name_ratios(figure, axes[0], colours, "o")
    # Names are put where there is room, which is known once the panels have their sizes.
    figure.draw_without_rendering()
    for panel, (_, points) in zip(axes, by_metric, strict=True):
        # A name stands at the first point of its method.
        firsts = points.drop_duplicates("balancer")
        if len(firsts) <= MOST_NAMED:
            _name(panel, firsts)
    return figure


def _draw_points(panel: Axes, points: pd.DataFrame, colours: Mapping[float, tuple[float, ...]]) -> None:
    """Points of one method are joined."""
    for _, method in points.groupby("balancer"):
        panel.plot(method["distance"], method["gain"], color=palette.REFERENCE_COLOUR, linewidth=0.8, alpha=0.6)
        marks = method[["imbalance_ratio", "distance", "gain", "family"]]
        for ratio, distance, gain, family in marks.itertuples(index=False):
            colour = colours[ratio] if len(colours) > 1 else palette.FAMILY_COLOURS[family]
            panel.plot(distance, gain, palette.FAMILY_MARKERS[family], color=colour, markersize=7)
    panel.margins(x=0.22, y=0.16)


def _name(panel: Axes, points: pd.DataFrame) -> None:
    names = [style.shortened(name, longest=18) for name in points["balancer"]]
    centres = points[["distance", "gain"]].to_numpy()
    places = name_places(panel.transData.transform(centres) * 72 / panel.figure.dpi, names)
    for (x, y), name, place in zip(centres, names, places, strict=True):
        panel.annotate(
            name, (x, y), place, textcoords="offset points", ha="center", va="center", fontsize=_NAME_SIZE
        )


def name_places(centres: Floats, names: Sequence[str]) -> list[tuple[float, float]]:
    """Where the middle of each name goes, from its marker's centre to the right and up.

    In points, as are `centres` [N, 2]. Above, below, right or left of the marker: the first of these where it
    covers no marker and no name before it; above where there is none.
    """
    taken = [Bbox.from_bounds(x - _MARKER / 2, y - _MARKER / 2, _MARKER, _MARKER) for x, y in centres]
    places = []
    for (x, y), name in zip(centres, names, strict=True):
        width = _LETTER * len(name)
        beside = (width + _MARKER) / 2 + 2
        around = [(0.0, _AWAY), (0.0, -_AWAY), (beside, 0.0), (-beside, 0.0)]
        boxes = [
            Bbox.from_bounds(x + right - width / 2, y + up - _NAME_SIZE / 2, width, _NAME_SIZE)
            for right, up in around
        ]
        free = (i for i, box in enumerate(boxes) if not any(map(box.fully_overlaps, taken)))
        place = next(free, 0)
        taken.append(boxes[place])
        places.append(around[place])
    return places
