"""The stored predictions of a study's trials on the test part."""

import zlib
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from trainables.record import TrialRecord
from trainables.settings import DataError

PREDICTIONS = "predictions_test"

Labels = npt.NDArray[np.int64]


class Predictions(NamedTuple):
    """The labels [N] of the test images, and those that a trial's classifier took them for [N]."""

    labels: Labels
    predicted: Labels


def stored_predictions(folder: Path, record: TrialRecord) -> Predictions | None:
    """A trial's predictions in the study's `folder`; None where none are stored.

    Raises DataError where the file cannot be read.
    """
    path = folder / record.artifacts[PREDICTIONS] if PREDICTIONS in record.artifacts else None
    if path is None or not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Predictions(stored["labels"], stored["probabilities"].argmax(axis=1))
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as predictions ({' '.join(str(error).split())})") from error
