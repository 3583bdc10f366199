"""Real and generated images as points of one map, from the points stored by confirmed trials."""

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.manifold import TSNE

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    PLOT_PIXELS,
    Sketch,
    base,
    class_scale,
    legend,
    of_first,
    span,
    tips,
    with_places,
)
from gan_study.analysis.plots.images import pick_trials
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, arm_of, condition_of
from gan_study.analysis.records.trial import MapPoints, Trial
from gan_study.trainables.base.openmp import one_openmp_thread

# A map takes a second or two.
MOST_MAPS = 6
PERPLEXITY, SEED = 30, 0
# Below that there is nothing to see.
FEWEST_POINTS = 10

COLUMNS = (*ARM_COLUMNS, "class", "kind", "x", "y")


def map_frame(study: Study) -> pd.DataFrame:
    """A point for each image of the answer's GAN at its smallest seed, under at most six conditions.

    `class`, `kind` ("real" or "generated"), and a position `x`, `y` without a unit: t-SNE (van der Maaten and
    Hinton 2008) keeps near points near, and its distances between groups mean nothing.
    """
    chosen = chosen_methods(study.records)
    trials = [
        trial
        for trial in pick_trials(study.records, "map/features")
        if trial.balancer in chosen.get(condition_of(trial), ())[:1]
    ]
    frames = [
        _points_frame(trial, points)
        for trial in trials[:MOST_MAPS]
        if (points := trial.map_points) is not None
        and len(points.labels) >= FEWEST_POINTS
        and points.features.shape[1] >= 2
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))


def _points_frame(trial: Trial, points: MapPoints) -> pd.DataFrame:
    places = placed(points.features)
    return pd.DataFrame(
        {
            **arm_of(trial)._asdict(),
            "class": [trial.class_names[label] for label in points.labels],
            "kind": np.where(points.synthetic, "generated", "real"),
            "x": places[:, 0],
            "y": places[:, 1],
        }
    )


def placed(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places [N, 2], two decimals, of points [N, D]: equal points give equal places."""
    tsne = TSNE(perplexity=min(PERPLEXITY, (len(features) - 1) / 3), init="pca", random_state=SEED)
    with one_openmp_thread():
        places: npt.NDArray[np.float64] = tsne.fit_transform(features).astype(np.float64).round(2)
    return places


def draw_map(frame: pd.DataFrame) -> alt.Chart:
    """Real images as circles, generated ones as crosses."""
    colours = class_scale(frame["class"].drop_duplicates())
    shapes = alt.Scale(domain=["real", "generated"], range=["circle", "cross"])
    shown = legend(columns=3, labelLimit=90, values=list(frame["class"].drop_duplicates()))
    chart: alt.Chart = (
        of_first(base(with_places(frame)))
        .mark_point(size=34, opacity=0.8, strokeWidth=1.6)
        .encode(
            x=alt.X("x:Q", scale=span(frame["x"]), axis=None),
            y=alt.Y("y:Q", scale=span(frame["y"]), axis=None),
            color=alt.Color("class:N", scale=colours, legend=shown),
            shape=alt.Shape("kind:N", scale=shapes, legend=legend()),
            tooltip=tips(*ARM_TIPS, "class:N", "kind:N"),
        )
        .properties(height=1.2 * PLOT_PIXELS)
    )
    return chart


MAP = Sketch(
    name="map",
    section="map",
    title="Real and generated images on one map",
    alt="Points for images; images with similar features are close: circles are real images, crosses "
    "generated ones, a colour for each class.",
    draw=draw_map,
    by_condition=True,
)
