"""Real images, and the export of a data set that is balanced from them."""

import pytest

from gan_study.trainables.export.request import ExportRequest
from tests.balanced_folders import ANYTHING, trial, write_images


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "images"
    write_images(folder)
    return folder


@pytest.fixture(scope="module")
def request_(images):
    return ExportRequest(allowed=ANYTHING, config=trial(images))
