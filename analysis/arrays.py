"""Arrays in a file of a study, which another person may have written."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gan_study.trainables.record import RecordError


def stored_arrays(path: Path, *names: str) -> list[npt.NDArray[np.generic]]:
    """The arrays of these names in an .npz file. Raises RecordError where it does not hold them.

    Nothing is unpickled.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return [stored[name] for name in names]
    # numpy has an error of another kind for every way in which a file can be damaged, tokenize's among them.
    except Exception as error:
        raise RecordError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
