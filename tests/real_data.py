"""Where the tests find real data sets, which no checkout carries."""

import os
from pathlib import Path

import pytest

from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE

BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data"


def real_data(name: str) -> Path:
    """The folder of the data set `name`; skips the test where it is not there."""
    folder = Path(os.environ.get(DATA_ENVIRONMENT_VARIABLE) or BESIDE_THE_CHECKOUT) / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}; {DATA_ENVIRONMENT_VARIABLE} names a folder that has {name}/")
    return folder
