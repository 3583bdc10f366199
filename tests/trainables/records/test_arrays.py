"""A trial's arrays, as they are written, and as another person may have written them."""

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from gan_study.trainables.records.arrays import ARRAYS, ArrayFile, arrays_digest, to_bytes
from gan_study.trainables.records.record import RecordError

WHOLE = {
    "classes/names": np.array(["a", "b", "ж"]),
    "classes/minority": np.array([1, 2]),
    "validation/labels": np.array([0, 1, 2, 2]),
    "validation/probabilities": np.full((2, 4, 3), 1 / 3, dtype=np.float32),
    "quality/features": np.array("domain"),
}


def member(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


def written(path: Path, members: Mapping[str, bytes]) -> ArrayFile:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return ArrayFile(path)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(to_bytes(WHOLE))
    found = ArrayFile(path)
    assert set(found) == set(WHOLE)
    for name, array in WHOLE.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert found.find_damage() is None
    assert found.get("map/features") is None
    assert to_bytes(WHOLE) == to_bytes(dict(reversed(WHOLE.items())))


@pytest.mark.parametrize(
    ("name", "array", "fault"),
    [
        ("clases/names", np.array(["a"]), "is not an array of a trial; did you mean 'classes/names'"),
        ("counts/training", np.array([1.0, 2.0, 3.0]), "float64 [1 axes] is not int64 [classes]"),
        ("counts/training", np.array([[1, 2, 3]]), "int64 [2 axes] is not int64 [classes]"),
        ("counts/training", np.array([1, 2]), "2 along 'classes', but other arrays have 3"),
        ("samples/real_label", np.array([3]), "contains an index outside the 3 classes"),
        ("samples/real_label", np.array([-1]), "contains an index outside the 3 classes"),
    ],
)
def test_what_is_not_as_declared_is_neither_written_nor_read(
    tmp_path: Path, name: str, array: np.ndarray, fault: str
) -> None:
    with pytest.raises(ValueError) as error:
        to_bytes({**WHOLE, name: array})
    assert fault in str(error.value)
    found = written(tmp_path / "a.npz", {each: member(value) for each, value in {**WHOLE, name: array}.items()})
    assert fault in (found.find_damage() or "")
    with pytest.raises(RecordError, match=r"a\.npz"):
        found[name]


class Bomb:
    """Unpickled, it leaves a file."""

    def __reduce__(self):
        return (os.mkdir, ("exploded",))


def damaged(content: bytes) -> dict[str, bytes]:
    header = member(np.zeros(3, dtype=np.int64))
    huge = header.replace(b"(3,), }", b"(300000000000,), }")
    # The first compressed bytes of a member, behind its name and the 20 bytes of its sizes.
    data = content.index(b"quality/features.npy") + len("quality/features.npy") + 25
    pickled = io.BytesIO()
    np.lib.format.write_array(pickled, np.array([Bomb()], dtype=object), allow_pickle=True)
    return {
        "empty": b"",
        "no archive": b"\x89PNG" + bytes(1000),
        "cut off": content[:-100],
        "flipped": content[:data] + bytes([content[data] ^ 255]) + content[data + 1 :],
        "huge": archive({"counts/training": huge}),
        "negative": archive({"counts/training": header.replace(b"(3,), }", b"(-3,), }")}),
        "pickled": archive({"classes/names": pickled.getvalue()}),
        "no array": archive({"counts/training": b"hello"}),
        "letters that are none": archive(
            {"classes/names": member(np.array(["a"])).replace(b"a\0\0\0", b"\xff" * 4)}
        ),
    }


def archive(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in members.items():
            opened.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", damaged(to_bytes(WHOLE)))
def test_a_damaged_file_is_one_line_and_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.npz"
    path.write_bytes(damaged(to_bytes(WHOLE))[kind])
    damage = ArrayFile(path).find_damage()
    assert damage is not None
    assert "\n" not in damage
    with pytest.raises(RecordError, match=r"a\.npz: "):
        dict(ArrayFile(path))
    assert not (tmp_path / "exploded").exists()


def test_an_encrypted_member_and_one_that_is_there_twice_are_refused(tmp_path: Path) -> None:
    content = bytearray(archive({"counts/training": member(np.zeros(3, dtype=np.int64))}))
    central = content.rindex(b"PK\x01\x02")
    content[central + 8] |= 1
    (tmp_path / "a.npz").write_bytes(content)
    assert "is encrypted" in (ArrayFile(tmp_path / "a.npz").find_damage() or "")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "b.npz", "w") as twice:
        for _ in range(2):
            twice.writestr("counts/training.npy", member(np.zeros(3, dtype=np.int64)))
    assert "appears twice" in (ArrayFile(tmp_path / "b.npz").find_damage() or "")


def test_a_file_that_is_missing_and_a_pipe_are_said_to_be(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    for name in ("pipe.npz", "none.npz"):
        assert ArrayFile(tmp_path / name).find_damage() == "is missing"


def test_arrays_of_another_trial_are_refused_and_wall_times_tell_no_trials_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    expected = arrays_digest(to_bytes({**WHOLE, "classifier/seconds": np.array([1.0, 2.0])}))
    path.write_bytes(to_bytes({**WHOLE, "classifier/seconds": np.array([3.0, 4.0])}))
    assert ArrayFile(path, expected=expected).find_damage() is None
    path.write_bytes(to_bytes({**WHOLE, "validation/labels": np.array([0, 1, 1, 2])}))
    with pytest.raises(RecordError, match=r"a\.npz: contains other arrays than the record lists"):
        ArrayFile(path, expected=expected)["classes/names"]
    assert ArrayFile(path).find_damage() is None


def test_every_array_says_what_it_is() -> None:
    assert all(spec.meaning for spec in ARRAYS.values())
    axes = {axis for spec in ARRAYS.values() for axis in spec.axes}
    assert {spec.below for spec in ARRAYS.values()} - {None} <= axes
