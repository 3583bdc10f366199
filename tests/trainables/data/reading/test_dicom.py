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
    return picture.to_bytes(picture.own_range).tolist()


def test_the_range_is_what_the_values_use(tmp_path: Path) -> None:
    path = written(tmp_path / "scan", BitsStored=16, HighBit=15)
    assert is_picture(path)
    # 255 * 1000 / 4095 = 62.3 and 255 * 2000 / 4095 = 124.5.
    assert levels(path) == [[0, 62], [125, 255]]
    picture = read_picture(path)
    assert (picture.facts.bits, picture.used_bits, picture.facts.values) == (16, 12, "range")


def test_signed_values_may_be_all_above_zero(tmp_path: Path) -> None:
    pixels = np.array([[0, 1500], [750, 2047]], dtype=np.int16)
    path = written(tmp_path / "a.dcm", pixels, BitsStored=16, HighBit=15, PixelRepresentation=1)
    # 255 * 1500 / 2047 = 186.9 and 255 * 750 / 2047 = 93.4.
    assert levels(path) == [[0, 187], [93, 255]]


def test_hounsfield_units_keep_what_lies_below_zero(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm", RescaleSlope=1, RescaleIntercept=-1024)
    # From -1024 to 4095: 255 * (1000 - 1024 + 1024) / 5119 = 49.8, 99.6 and 204.0.
    assert levels(path) == [[0, 50], [100, 204]]


def test_eight_bits_are_bytes(tmp_path: Path) -> None:
    pixels = np.array([[0, 10], [200, 20]], dtype=np.uint8)
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    assert read_picture(written(tmp_path / "a.dcm", pixels, **eight)).pixels.tolist() == [[0, 10], [200, 20]]
    turned = written(tmp_path / "b.dcm", pixels, **eight, PhotometricInterpretation="MONOCHROME1")
    assert read_picture(turned).pixels.tolist() == [[255, 245], [55, 235]]


def test_zero_may_be_white(tmp_path: Path) -> None:
    assert levels(written(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1")) == [[255, 193], [130, 0]]


def test_fractions_are_not_rounded_away(tmp_path: Path) -> None:
    # From 0 to 4.095: as if there were no rescale.
    assert levels(written(tmp_path / "a.dcm", RescaleSlope=0.001, RescaleIntercept=0)) == [[0, 62], [125, 255]]


def test_a_window_spreads_what_lies_in_it(tmp_path: Path) -> None:
    # From 1000 to 2000: PS3.3 C.11.2.1.2, with the centre 1500.5 and the width 1001.
    path = written(tmp_path / "a.dcm", WindowCenter=1500.5, WindowWidth=1001)
    assert read_picture(path).pixels.tolist() == [[0, 0], [255, 255]]
    turned = written(
        tmp_path / "b.dcm", WindowCenter=1500.5, WindowWidth=1001, PhotometricInterpretation="MONOCHROME1"
    )
    assert read_picture(turned).pixels.tolist() == [[255, 255], [0, 0]]
    assert read_picture(path).facts.depth == "12 bits through a window"


def table(bits: int, *values: int, first: int = 0) -> list[object]:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item.LUTData = np.array(values, dtype="<u2").tobytes()
    return [item]


@pytest.mark.parametrize("bits", [8, 12])
def test_a_table_of_values_of_interest_goes_before_a_window(bits: int, tmp_path: Path) -> None:
    # Levels up to 999 become 0, 1000 a quarter, 2000 half of white, and from 2001 on it is white.
    white = 2**bits - 1
    values = [0, white // 4, *[white // 4] * 999, white // 2, white]
    path = written(
        tmp_path / "a.dcm", VOILUTSequence=table(bits, *values, first=999), WindowCenter=1, WindowWidth=2
    )
    expected = [[0, round(255 * (white // 4) / white)], [round(255 * (white // 2) / white), 255]]
    assert read_picture(path).pixels.tolist() == expected
    assert read_picture(path).facts.values == "window"
    turned = written(
        tmp_path / "b.dcm", VOILUTSequence=table(bits, *values, first=999), PhotometricInterpretation="MONOCHROME1"
    )
    assert read_picture(turned).pixels.tolist() == [[255 - each for each in row] for row in expected]


def test_what_pads_a_picture_is_black_and_no_level_of_it(tmp_path: Path) -> None:
    pixels = np.array([[-2000, 100], [-1990, 511]], dtype=np.int16)
    signed = {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}
    path = written(tmp_path / "a.dcm", pixels, **signed, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1990)
    # From 0 to 511, and padded with the lowest level that is there.
    assert levels(path) == [[50, 50], [50, 255]]
    one = written(tmp_path / "b.dcm", pixels, **signed, PixelPaddingValue=-2000)
    assert read_picture(one).used.black == -1990
    # Through a window from 0 to 100 it is black, also where 0 is white.
    window = {"WindowCenter": 50.5, "WindowWidth": 101}
    turned = written(
        tmp_path / "c.dcm",
        pixels,
        **signed,
        **window,
        PixelPaddingValue=-2000,
        PixelPaddingRangeLimit=-1990,
        PhotometricInterpretation="MONOCHROME1",
    )
    assert read_picture(turned).pixels.tolist() == [[0, 0], [0, 0]]
    bare = written(tmp_path / "d.dcm", pixels, **signed, **window, PhotometricInterpretation="MONOCHROME1")
    assert read_picture(bare).pixels.tolist() == [[255, 0], [255, 0]]


def test_colours(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    pixels[..., 0] = 200
    picture = read_picture(written(tmp_path / "a.dcm", pixels))
    assert picture.pixels[0, 0].tolist() == [200, 0, 0] and picture.facts.num_colours == 3


def test_a_palette_says_the_colours(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.dcm",
        np.array([[0, 1], [1, 0]], dtype=np.uint8),
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PhotometricInterpretation="PALETTE COLOR",
        **{f"{name}PaletteColorLookupTableDescriptor": [2, 0, 16] for name in ("Red", "Green", "Blue")},
        RedPaletteColorLookupTableData=np.array([65535, 0], dtype="<u2").tobytes(),
        GreenPaletteColorLookupTableData=np.array([0, 0], dtype="<u2").tobytes(),
        BluePaletteColorLookupTableData=np.array([0, 25700], dtype="<u2").tobytes(),
    )
    picture = read_picture(path)
    assert picture.to_bytes(picture.own_range).tolist() == [
        [[255, 0, 0], [0, 0, 100]],
        [[0, 0, 100], [255, 0, 0]],
    ]


def test_colours_of_sixteen_bits(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), dtype=np.uint16)
    pixels[0, 0], pixels[1, 1] = (4095, 273, 0), (300, 0, 0)
    path = written(tmp_path / "a.dcm", pixels, BitsAllocated=16, BitsStored=16, HighBit=15)
    picture = read_picture(path)
    # 255 * 273 / 4095 = 17; as bytes 300 would be 44.
    assert picture.to_bytes(picture.own_range)[0, 0].tolist() == [255, 17, 0]
    assert picture.to_bytes(picture.own_range)[1, 1].tolist() == [19, 0, 0]


def test_colours_are_converted_once(tmp_path: Path) -> None:
    """Red in YBR_FULL is (76, 85, 255), by PS3.3 C.7.6.3.1.2."""
    pixels = np.full((2, 2, 3), (76, 85, 255), dtype=np.uint8)
    pixels[1] = (255, 128, 128)
    picture = read_picture(written(tmp_path / "a.dcm", pixels, PhotometricInterpretation="YBR_FULL"))
    assert picture.pixels[0, 0].tolist() == [254, 0, 0] and picture.pixels[1, 0].tolist() == [255, 255, 255]


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"a\.dcm: cannot be read as an image"):
        read_picture(path)
