"""Whether realistic images help: the gain of each method against the quality of its images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from gan_study.analysis.inference.statistics import Floats
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    PANEL_WIDTH,
    PLOT_PIXELS,
    Layers,
    Sketch,
    base,
    by_kind,
    inline,
    line_at,
    log_ticks,
    side_by_side,
    tips,
)
from gan_study.analysis.plots.palette import GREY, with_kinds
from gan_study.analysis.records.select import MAIN_METRIC, Task, confirmed, of_task, paired_gains
from gan_study.analysis.records.trial import ImageQuality, Trial

ARM = ["balancer", "imbalance_ratio"]
FEWEST_POINTS = 3
# In pixels: the panels in which names find room, the narrowest first.
PANELS = (250, 300, 370, 480)
# Letters, their mean width, the height of a name, a marker, and how far off a name is.
_NAME_SIZE, _LETTER, _HEIGHT, _MARKER, _AWAY = 12.0, 7.0, 14.0, 10.0, 14.0


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
    """The distance of images from real ones, and their gain: a row for each metric, method and ratio of a task.

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
    found = with_kinds(points.dropna(subset=["gain"]), records).assign(**task._asdict())
    enough: pd.DataFrame = found[found.groupby("metric")["metric"].transform("size") >= FEWEST_POINTS]
    return enough


def _of_minority(record: Trial) -> list[ImageQuality]:
    """The classes that the minority metric looks at."""
    names = [record.class_names[index] for index in record.minority_classes]
    return [record.quality[name] for name in names if name in record.quality]


def _relative(quality: ImageQuality, name: str) -> float | None:
    distance, floor = quality.metrics.get(name), quality.metrics.get(f"{name}_floor")
    return None if distance is None or floor is None else _RELATIVE[name].value(distance, floor)


def draw_usefulness(frame: pd.DataFrame) -> alt.ConcatChart:
    """A panel for each distance, with lines between the points of one method, and its name where there is room."""
    panels = [_panel(points.reset_index(drop=True), str(metric)) for metric, points in frame.groupby("metric")]
    return side_by_side(panels)


def _panel(points: pd.DataFrame, metric: str) -> Layers:
    relative = _RELATIVE[metric]
    colour, shape = by_kind(points)
    x, across = _along(points["distance"], relative)
    y, up = _upwards(points["gain"])
    chart = base(points).encode(x=x, y=y)
    line = chart.mark_line(color=GREY, strokeWidth=0.8, opacity=0.7).encode(detail="balancer:N")
    marks = chart.mark_point(filled=True, size=80, opacity=1).encode(
        color=colour, shape=shape, tooltip=tips(*ARM_TIPS, "distance:Q:.3f", "gain:Q:+.3f")
    )
    # No gain, and what real images score.
    lines = line_at(0.0, across=True), line_at(relative.equal, dash=(1, 2))
    centres = np.column_stack([across, up])
    names = [
        alt.Chart(inline(points.iloc[[place.point]]))
        .mark_text(
            dx=place.right,
            dy=-place.up,
            fontSize=_NAME_SIZE,
            opacity=alt.expr(f"{PANEL_WIDTH} >= {PANELS[0]} ? 1 : 0"),
        )
        .encode(x=x, y=y, text="balancer:N", color=colour)
        for place in name_places(centres, points["balancer"].tolist())
    ]
    return alt.layer(*lines, line, marks, *names).properties(height=PLOT_PIXELS)


def _along(distances: pd.Series, relative: _Relative) -> tuple[alt.X, pd.Series]:
    """The axis of distances, with room for names, and how far along it each lies, from 0 to 1."""
    low, high = min(relative.equal, *distances), max(relative.equal, *distances)
    if relative.log:
        room = max((high / low) ** 0.2, 1.1)
        ends = low / room, high * room
        places = np.log(distances / ends[0]) / np.log(ends[1] / ends[0])
        axis = alt.Axis(values=log_ticks(*ends), format="~g")
    else:
        margin = 0.2 * (high - low) or 0.01
        ends = low - margin, high + margin
        places = (distances - ends[0]) / (ends[1] - ends[0])
        axis = alt.Axis(tickCount=4)
    scale = alt.Scale(type="log" if relative.log else "linear", domain=list(ends), nice=False)
    return alt.X("distance:Q", scale=scale, title=relative.title, axis=axis), places


def _upwards(gains: pd.Series) -> tuple[alt.Y, pd.Series]:
    """The axis of gains, and how far up each lies, in pixels."""
    least, most = min(0.0, *gains), max(0.0, *gains)
    room = max(0.16 * (most - least), 0.01)
    ends = least - room, most + room
    axis = alt.Y("gain:Q", scale=alt.Scale(domain=list(ends), nice=False), title="Gain in test minority F1")
    return axis, PLOT_PIXELS * (gains - ends[0]) / (ends[1] - ends[0])


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> "_Box":
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def holds(self, other: "_Box") -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )

    def overlaps(self, other: "_Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


class NamePlace(NamedTuple):
    """The middle of a name: so many pixels right of and above the centre of a point."""

    point: int
    right: float
    up: float


def name_places(centres: Floats, names: Sequence[str]) -> list[NamePlace]:
    """A place for each distinct name beside one of its points, where there is one; the others stay without.

    `centres` [N, 2] are how far along a panel and, in pixels, how far up each point is. A name covers no point and
    no other name, and lies within the panel, however wide that is.
    """
    wide = [np.column_stack([panel * centres[:, 0], centres[:, 1]]) for panel in PANELS]
    taken = [[_Box.around(x, y, _MARKER, _MARKER) for x, y in each] for each in wide]
    whole = [_Box(0.0, 0.0, panel, PLOT_PIXELS) for panel in PANELS]
    found = []
    for name in dict.fromkeys(names):
        for place in _around([n for n, each in enumerate(names) if each == name], width=_LETTER * len(name)):
            boxes = [_name_box(each[place.point], place, width=_LETTER * len(name)) for each in wide]
            if all(
                panel.holds(box) and not any(map(box.overlaps, others))
                for box, panel, others in zip(boxes, whole, taken, strict=True)
            ):
                found.append(place)
                for box, others in zip(boxes, taken, strict=True):
                    others.append(box)
                break
    return found


def _around(points: Sequence[int], *, width: float) -> Iterator[NamePlace]:
    """Above, below, right and left of each point."""
    beside = (width + _MARKER) / 2 + 3
    for point in points:
        for right, up in ((0.0, _AWAY), (0.0, -_AWAY), (beside, 0.0), (-beside, 0.0)):
            yield NamePlace(point, right, up)


def _name_box(centre: Floats, place: NamePlace, *, width: float) -> _Box:
    return _Box.around(centre[0] + place.right, centre[1] + place.up, width, _HEIGHT)


USEFULNESS = Sketch(
    name="usefulness",
    section="usefulness",
    title="Gain in test minority F1 against the quality of the generated images",
    alt="A point for each method and ratio, with lines between those of one method: the distance of its "
    "images from real ones, and their gain. Left of the dotted line images are nearer to the training "
    "images than held-out real ones are; above the dashed line they help the classifier. Labels are where there "
    "is room; point at a mark to read its method.",
    draw=draw_usefulness,
    colours="kinds",
)
