"""DICOM files: rescale, window, the meaning of zero, colours."""

from pathlib import Path

import numpy as np
import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.pixels import read_picture
from gan_study.trainables.data.reading.entries import is_picture

pydicom = pytest.importorskip("pydicom")

LEVELS = np.array([[0, 1000], [2000, 4095]], dtype=np.uint16)


def written(path: Path, pixels: np.ndarray = LEVELS, **changes: object) -> Path:
    """A file of 12 stored bits, or 8 where the pixels have colours."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    coloured = pixels.ndim == 3
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if coloured else 1
    data.PhotometricInterpretation = "RGB" if coloured else "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = (8, 8, 7) if coloured else (16, 12, 11)
    data.PixelRepresentation = 0
    if coloured:
        data.PlanarConfiguration = 0
    data.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def levels(path: Path) -> list[list[int]]:
    picture = read_picture(path)
    assert picture.white == 65535
    return picture.to_bytes(65535).tolist()


def test_all_that_can_be_stored_is_the_range(tmp_path: Path) -> None:
    path = written(tmp_path / "scan")
    assert is_picture(path)
    # 255 * 1000 / 4095 = 62.3 and 255 * 2000 / 4095 = 124.5.
    assert levels(path) == [[0, 62], [125, 255]]
    assert read_picture(path).facts.bits == 12


def test_zero_may_be_white(tmp_path: Path) -> None:
    assert levels(written(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1")) == [[255, 193], [130, 0]]


def test_a_rescale_does_not_change_what_is_seen(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm", RescaleSlope=2, RescaleIntercept=-1024)
    assert levels(path) == [[0, 62], [125, 255]]


def test_a_window_spreads_what_lies_in_it(tmp_path: Path) -> None:
    # From 1000 to 2000: PS3.3 C.11.2.1.2, with the centre 1500.5 and the width 1001.
    path = written(tmp_path / "a.dcm", WindowCenter=1500.5, WindowWidth=1001)
    assert levels(path) == [[0, 0], [255, 255]]


def test_colours(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    pixels[..., 0] = 200
    picture = read_picture(written(tmp_path / "a.dcm", pixels))
    assert picture.pixels[0, 0].tolist() == [200, 0, 0] and picture.facts.num_colours == 3


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"a\.dcm: cannot be read as an image"):
        read_picture(path)
