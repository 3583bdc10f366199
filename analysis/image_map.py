"""Real and generated images as points of one map, by the points that confirmed trials have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.manifold import TSNE

from gan_study.analysis.arrays import stored_arrays
from gan_study.analysis.load import Study
from gan_study.analysis.plots.samples import sample_data
from gan_study.analysis.select import CONDITION_COLUMNS
from gan_study.analysis.verdicts import chosen_methods
from gan_study.trainables.record import RecordError

# A map takes a second or two.
MOST_MAPS = 6
PERPLEXITY, SEED = 30, 0
# Below that there is nothing to see.
FEWEST_POINTS = 10

COLUMNS = (*CONDITION_COLUMNS, "balancer", "class", "kind", "x", "y")


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPoints:
    """The points [N, D] of a map before it is drawn, their labels [N], and which of them were made [N]."""

    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    synthetic: npt.NDArray[np.bool_]


def map_frame(study: Study) -> pd.DataFrame:
    """A point for each image of the GAN of the answer's smallest seed, under at most six conditions.

    `class`, `kind` ("real" or "generated"), and a place `x`, `y` without a unit: t-SNE (van der Maaten and Hinton
    2008) keeps near what is near, and its distances between groups mean nothing. Raises RecordError where a file
    cannot be read.
    """
    chosen = chosen_methods(study.records)
    grids = [
        grid for grid in sample_data(study.records, "map") if grid.balancer in chosen.get(grid.condition, ())[:1]
    ]
    names = {record.dataset: record.class_names for record in study.records if record.class_names}
    frames = []
    for grid in grids[:MOST_MAPS]:
        path = study.folder / grid.path
        if not path.is_file():
            continue
        stored = stored_points(path)
        if len(stored.labels) < FEWEST_POINTS or stored.features.shape[1] < 2:
            continue
        places = placed(stored.features)
        frames.append(
            pd.DataFrame(
                {
                    **grid.condition._asdict(),
                    "balancer": grid.balancer,
                    "class": _named(stored.labels, names[grid.condition.dataset], path),
                    "kind": np.where(stored.synthetic, "generated", "real"),
                    "x": places[:, 0],
                    "y": places[:, 1],
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))


def placed(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places [N, 2], two decimals, of points [N, D]: equal points give equal places."""
    tsne = TSNE(perplexity=min(PERPLEXITY, (len(features) - 1) / 3), init="pca", random_state=SEED)
    places: npt.NDArray[np.float64] = tsne.fit_transform(features).astype(np.float64).round(2)
    return places


def stored_points(path: Path) -> StoredPoints:
    """The points at `path`; raises RecordError where it holds none. Nothing is unpickled."""
    features, labels, synthetic = stored_arrays(path, "features", "labels", "synthetic")
    found = StoredPoints(
        features=features.astype(np.float64), labels=labels.astype(np.int64), synthetic=synthetic.astype(bool)
    )
    if not (
        found.features.ndim == 2
        and found.features.shape[:1] == found.labels.shape == found.synthetic.shape
        and np.isfinite(found.features).all()
    ):
        raise RecordError(f"{path}: holds no points of a map")
    return found


def _named(labels: npt.NDArray[np.int64], names: Sequence[str], path: Path) -> list[str]:
    if labels.min() < 0 or labels.max() >= len(names):
        raise RecordError(f"{path}: names a class that the records do not know")
    return [names[label] for label in labels]
