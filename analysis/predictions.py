"""The stored predictions of a study's trials on the test part."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gan_study.analysis.arrays import stored_arrays
from gan_study.trainables.record import RecordError, TrialRecord

PREDICTIONS = "predictions_test"

Labels = npt.NDArray[np.int64]


class Predictions(NamedTuple):
    """The labels [N] of the test images, and those that a trial's classifier took them for [N]."""

    labels: Labels
    predicted: Labels


def stored_predictions(folder: Path, record: TrialRecord) -> Predictions | None:
    """A trial's predictions in the study's `folder`; None where none are stored.

    Raises RecordError where the file holds none.
    """
    path = folder / record.artifacts[PREDICTIONS] if PREDICTIONS in record.artifacts else None
    if path is None or not path.is_file():
        return None
    labels, probabilities = predicted_probabilities(path)
    return Predictions(labels, probabilities.argmax(axis=1))


def predicted_probabilities(path: Path) -> tuple[Labels, npt.NDArray[np.float32]]:
    """The labels [N] of a file of predictions, and the probabilities [N, K] of each class.

    Raises RecordError where the file holds none.
    """
    labels, probabilities = stored_arrays(path, "labels", "probabilities")
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise RecordError(f"{path}: holds no predictions")
    return labels.astype(np.int64), probabilities.astype(np.float32)
