"""How GANs trained: their losses, and the distance of their images to held-out ones."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    LONGEST_LEGEND,
    PANEL_PIXELS,
    Sketch,
    base,
    chosen_rows,
    class_scale,
    header,
    in_panels,
    inline,
    legend,
    method_scale,
    of_first,
    span,
    tips,
    with_places,
)
from gan_study.analysis.plots.palette import with_kinds
from gan_study.analysis.records import select
from gan_study.analysis.records.select import ARM_COLUMNS, Arm
from gan_study.analysis.records.trial import GanEnd, Trial

NETWORKS = ("generator", "discriminator")
# More points of one curve cannot be distinguished at the width of a page, and all of them are 1 MB of it.
CURVE_POINTS, FEWEST_POINTS, ALL_POINTS = 100, 15, 6_000
# What is marked on a curve of distances.
TAKEN, CUT_OFF = "the generator that was used", "still improving when it was cut off"


def curve_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """GAN losses during training, a row for each condition, method, network and step, of the smallest confirmed
    seed.

    If a GAN is trained for each class separately, the mean over the classes. They are thinned, so that all
    curves together have some 6,000 points.
    """
    first: dict[Arm, Trial] = {}
    for record in sorted(select.confirmed(records), key=lambda record: record.seed):
        if record.losses:
            first.setdefault(select.arm_of(record), record)
    most = min(CURVE_POINTS, max(FEWEST_POINTS, ALL_POINTS // max(1, len(NETWORKS) * len(first))))
    rows = [
        (*arm, f"{arm[-1]}, ratio {arm[2]:g}", steps[place], network, float(np.mean(losses[network][place])))
        for arm, record in first.items()
        for steps, losses in [_of_all_gans(record)]
        for place in thinned(len(steps), most=most)
        for network in NETWORKS
    ]
    frame = pd.DataFrame(rows, columns=[*ARM_COLUMNS, "curve", "generator_steps", "network", "loss"])
    # Other generators have no discriminator.
    return with_kinds(frame.dropna(subset=["loss"]), records)


def _of_all_gans(record: Trial) -> tuple[list[int], dict[str, list[tuple[float, ...]]]]:
    """Generator steps and, for each network, the losses of all of a trial's GANs, cut to the shortest."""
    shortest = min(record.losses.values(), key=lambda losses: len(losses.steps))
    return shortest.steps.tolist(), {
        network: list(zip(*(getattr(losses, network).tolist() for losses in record.losses.values()), strict=False))
        for network in NETWORKS
    }


def thinned(length: int, *, most: int) -> list[int]:
    """At most `most` of `length` positions, evenly spaced, including the first and the last."""
    return sorted({round(place) for place in np.linspace(0, length - 1, min(length, most))}) if length else []


def length_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """Distances to held-out training images during training, a row for each confirmed GAN and comparison.

    `mark` is TAKEN at the generator that fills the class, CUT_OFF at the end of a training that was still
    improving, otherwise empty.
    """
    points = [
        (*arm, f"{name}, seed {trial.seed}", name, trial.seed, step, distance, _mark(end, step))
        for arm, trials in select.by_arm(select.confirmed(records)).items()
        for trial in trials
        for name, end in trial.gan_ends.items()
        for step, distance in zip(end.compared_at, end.distances, strict=True)
    ]
    columns = [*ARM_COLUMNS, "curve", "trained_on", "seed", "generator_steps", "distance", "mark"]
    return pd.DataFrame(points, columns=columns)


def _mark(end: GanEnd, step: int) -> str:
    if end.still_improving and step == max(end.compared_at):
        return CUT_OFF
    return TAKEN if step == end.taken_from else ""


def draw_losses(frame: pd.DataFrame) -> alt.Chart:
    """A line for each GAN; hovering highlights one."""
    hover = alt.selection_point(name="hover", fields=["curve"], on="pointerover", empty=False)
    # Named, since Vega cannot lay out a legend without an entry, where a menu leaves no GAN.
    colours = method_scale(frame)
    chart: alt.Chart = (
        base(frame)
        .mark_line()
        .encode(
            x=alt.X(
                "generator_steps:Q",
                scale=span(frame["generator_steps"]),
                title="Generator steps",
                axis=alt.Axis(tickCount=6),
            ),
            y=alt.Y("loss:Q", scale=span(frame["loss"]), title=f"Mean {frame['network'].iloc[0]} loss"),
            color=alt.Color("balancer:N", scale=colours, legend=legend(columns=2, labelLimit=LONGEST_LEGEND)),
            detail=["curve:N"],
            opacity=alt.condition(hover, alt.value(1.0), alt.value(0.6)),
            strokeWidth=alt.condition(hover, alt.value(3), alt.value(1.4)),
            tooltip=tips(*ARM_TIPS, "generator_steps:Q", "loss:Q:.3f"),
        )
        .add_params(hover)
        .properties(height=240)
    )
    return chart


def draw_lengths(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each GAN, a line for each of its trainings, a colour for what it was trained on."""
    names = frame["trained_on"].drop_duplicates().tolist()
    colour = alt.Color("trained_on:N", scale=class_scale(names), legend=legend(columns=3, labelLimit=90))
    x = alt.X(
        "generator_steps:Q",
        scale=span([0, *frame["generator_steps"]]),
        title="Generator steps",
        axis=alt.Axis(tickCount=3),
    )
    y = alt.Y("distance:Q", scale=span(frame["distance"]), title="Distance to held-out images")
    hints = tips(*ARM_TIPS, "trained_on:N", "seed:Q", "generator_steps:Q", "distance:Q:.4f", "mark:N")
    chart = alt.Chart().encode(x=x, y=y, color=colour, tooltip=hints)
    line = chart.mark_line(strokeWidth=1.6, opacity=0.8).encode(detail=["curve:N"])
    there = [mark for mark in (TAKEN, CUT_OFF) if mark in set(frame["mark"])]
    marks = alt.Scale(domain=[TAKEN, CUT_OFF], range=["circle", "triangle-right"])
    shape = alt.Shape(
        "mark:N", scale=marks, legend=legend(values=there, columns=1, labelLimit=300) if there else None
    )
    marked = chart.transform_filter("datum.mark != ''")
    points = marked.mark_point(filled=True, size=110, opacity=1).encode(shape=shape)
    layers = alt.layer(line, points, data=inline(with_places(frame))).properties(height=PANEL_PIXELS)
    panels = in_panels(layers, header("balancer:N"), number=frame["balancer"].nunique())
    found: alt.FacetChart = of_first(panels.transform_filter(chosen_rows()))
    return found


GENERATOR_LOSS, DISCRIMINATOR_LOSS = (
    Sketch(
        name=f"{network}_loss",
        section="losses",
        title=f"{network.capitalize()} loss, the smallest confirmed seed of each GAN",
        alt=f"Mean {network} loss of each GAN by generator step.",
        draw=draw_losses,
    )
    for network in NETWORKS
)
LENGTHS = Sketch(
    name="gan_length",
    section="lengths",
    title="Distance of a GAN's images to held-out ones during training",
    alt="A panel for each GAN: the kernel distance to held-out training images by generator step, a "
    "line for each training; a circle marks the generator that was used, a triangle a training that was "
    "still improving when it was cut off.",
    draw=draw_lengths,
    by_condition=True,
)
