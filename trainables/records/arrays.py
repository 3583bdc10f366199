"""A trial's arrays: one `.npz` whose every name, type and shape is declared here.

Images are bytes [..., C, H, W] as they are shown, NaN stands for "not measured". A study's folder may come from
another person: what is read is checked against the declaration before anything is allocated, and never unpickled.
Loads without torch and without Ray.
"""

import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import open_regular
from gan_study.trainables.base.settings import digest, nearest
from gan_study.trainables.records.record import RecordError

Array: TypeAlias = npt.NDArray[Any]
Kind: TypeAlias = Literal["bool", "float32", "float64", "int64", "text", "uint8"]

# Most bytes of one array: five fits' probabilities of 50,000 test images of 200 classes are 200 MB.
MOST_BYTES = 512 * 2**20
SUFFIX = ".npy"


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    """What an array of a trial is."""

    kind: Kind
    """The type of its values."""
    axes: tuple[str, ...]
    """Its dimensions; those of one name have one length in a file."""
    meaning: str
    """What it holds."""
    below: str | None = None
    """Its values are places along this axis; None if they are none."""
    is_time: bool = False
    """Whether it holds wall times, which differ between equal trials."""


def _spec(kind: Kind, axes: str, meaning: str, *, below: str | None = None, is_time: bool = False) -> ArraySpec:
    return ArraySpec(kind=kind, axes=tuple(axes.split()), meaning=meaning, below=below, is_time=is_time)


def _of_part(part: str) -> dict[str, ArraySpec]:
    by_class, counted = "fits classes", "1 where the class has images, NaN where it has none"
    return {
        f"{part}/labels": _spec("int64", part, f"class of each {part} image", below="classes"),
        f"{part}/probabilities": _spec("float32", f"fits {part} classes", "each fit's probability of each class"),
        f"{part}/confusion_matrix": _spec("int64", "fits classes classes", "images by true and predicted class"),
        f"{part}/precision": _spec("float64", by_class, f"precision by class, 0 to {counted}"),
        f"{part}/recall": _spec("float64", by_class, f"recall by class, 0 to {counted}"),
        f"{part}/f1": _spec("float64", by_class, f"F1 by class, 0 to {counted}"),
        f"{part}/overall": _spec("float64", "fits metrics", "overall scores of each fit; NaN where undefined"),
    }


_COUNTS = {
    "available": "in the training pool as it came",
    "imbalanced": "after the imbalance took images away",
    "training": "in the training part of those",
    "validation": "in the validation part of those",
    "balanced": "that the classifier was fitted to",
    "synthetic": "of those, made by the balancer",
    "made": "made by the balancer, rejected ones included",
    "test": "in the test part; only where the trial may read it",
}

ARRAYS: Mapping[str, ArraySpec] = {
    "classes/names": _spec("text", "classes", "name of each class, in label order"),
    "classes/minority": _spec("int64", "minority", "labels of the minority classes", below="classes"),
    "classes/hardness": _spec(
        "float64", "classes", "share of training images most of whose neighbours are of another class"
    ),
    **{f"counts/{name}": _spec("int64", "classes", f"images by class {text}") for name, text in _COUNTS.items()},
    "filter/reasons": _spec("text", "reasons", "why a filter rejects images"),
    "filter/rejected": _spec(
        "int64", "classes reasons", "images of counts/made that it rejects, each for all of its reasons"
    ),
    "scores/metrics": _spec("text", "metrics", "names of the overall scores"),
    **_of_part("validation"),
    **_of_part("test"),
    "validation/group": _spec("int64", "validation", "number of the group (patient, video) of each image"),
    "test/group": _spec("int64", "test", "number of the group (patient, video) of each image"),
    "classifier/test_epochs": _spec(
        "float64", "test_epochs metrics", "overall scores of the first fit on the test part after each epoch"
    ),
    "classifier/training_loss": _spec(
        "float64",
        "fits fit_epochs",
        "mean loss of the steps of each epoch, by the method's own loss; NaN after an early stop",
    ),
    "classifier/validation_loss": _spec(
        "float64",
        "fits fit_epochs",
        "cross-entropy of the validation part after the epoch; NaN where not measured",
    ),
    "classifier/seconds": _spec("float64", "fits", "wall time of each fit", is_time=True),
    "gan/trained_on": _spec("text", "gans", 'what each GAN was trained on: a class name, or "all classes"'),
    "gan/loss_steps": _spec("int64", "gans gan_losses", "generator step of each mean loss; -1 after the last"),
    "gan/generator_loss": _spec(
        "float64", "gans gan_losses", "mean loss since the step before; NaN after the last"
    ),
    "gan/discriminator_loss": _spec(
        "float64", "gans gan_losses", "mean loss since the step before; NaN after the last"
    ),
    "gan/generator_steps": _spec("int64", "gans", "generator steps taken"),
    "gan/taken_from": _spec("int64", "gans", "generator step whose generator fills the classes"),
    "gan/seconds": _spec(
        "float64", "gans", "wall time of the steps, those that another trial trained included", is_time=True
    ),
    "gan/reason": _spec("text", "gans", 'why each training ended: "fixed", "converged", "floor" or "cap"'),
    "gan/still_improving": _spec("int64", "gans", "1 if images were still getting better, 0 if not, -1 unknown"),
    "gan/pretrained_on": _spec("text", "gans", 'what each GAN was trained on first; "" without pretraining'),
    "gan/length_steps": _spec("int64", "gans checks", "generator steps at each comparison; -1 after the last"),
    "gan/length_distances": _spec(
        "float64", "gans checks", "kernel distance to held-out training images; NaN after the last"
    ),
    "quality/classes": _spec("int64", "made", "labels of the classes that images were made of", below="classes"),
    "quality/metrics": _spec("text", "quality_metrics", "names; NAME_floor is the real-image reference"),
    "quality/values": _spec("float64", "made quality_metrics", "metrics by class; NaN where not measured"),
    "quality/low": _spec("float64", "made quality_metrics", "lower ends of the values' intervals, if any"),
    "quality/high": _spec("float64", "made quality_metrics", "upper ends of the values' intervals"),
    "quality/missing": _spec("text", "made quality_metrics", 'what a metric that is NaN needs; "" otherwise'),
    "quality/flag_names": _spec("text", "flags", "what can be wrong with a class's images"),
    "quality/flags": _spec("bool", "made flags", "what is"),
    "quality/features": _spec(
        "text", "", 'by whose features images are compared: "domain", "inception", "backbone"'
    ),
    "quality/num_generated": _spec("int64", "made", "generated images compared"),
    "quality/num_training": _spec("int64", "made", "training images compared"),
    "quality/num_held_out": _spec("int64", "made", "held-out real images compared"),
    "quality/num_distinct": _spec("int64", "made", "different images among the generated ones"),
    "samples/real": _spec("uint8", "real_samples c h w", "training images of the minority classes"),
    "samples/real_label": _spec("int64", "real_samples", "their classes", below="classes"),
    "samples/synthetic": _spec("uint8", "synthetic_samples c h w", "images made of the minority classes"),
    "samples/synthetic_label": _spec("int64", "synthetic_samples", "their classes", below="classes"),
    "snapshots/training": _spec("uint8", "snapshot_training c small small", "training images to compare with"),
    "snapshots/training_label": _spec("int64", "snapshot_training", "their classes", below="classes"),
    "snapshots/generated": _spec(
        "uint8", "snapshots c small small", "images from the same latents after 16, 32, 64, ... steps"
    ),
    "snapshots/label": _spec("int64", "snapshots", "their classes", below="classes"),
    "snapshots/generator_steps": _spec("int64", "snapshots", "the generator step after which each was made"),
    "nearest/generated": _spec("uint8", "pairs c small small", "generated images, the most like copies first"),
    "nearest/training": _spec("uint8", "pairs c small small", "the training image nearest to each"),
    "nearest/label": _spec("int64", "pairs", "their classes", below="classes"),
    "nearest/distance": _spec("float64", "pairs", "distance in the features of quality/features"),
    "nearest/ratio": _spec("float64", "pairs", "distance over that to the next nearest; NaN where there is none"),
    "nearest/is_copy": _spec("bool", "pairs", "whether the ratio is below nearest/copy_ratio"),
    "nearest/copy_ratio": _spec("float64", "", "below it a generated image is called a copy"),
    "map/features": _spec("float32", "points components", "principal components of the features of some images"),
    "map/label": _spec("int64", "points", "their classes", below="classes"),
    "map/synthetic": _spec("bool", "points", "which of them were generated"),
}

_TYPES: Mapping[Kind, str] = {
    "bool": "|b1",
    "float32": "<f4",
    "float64": "<f8",
    "int64": "<i8",
    "text": "<U",
    "uint8": "|u1",
}


class _WrongError(Exception):
    """What is wrong with an array, in a few words."""


def to_bytes(arrays: Mapping[str, Array]) -> bytes:
    """`arrays` as the content of an `.npz` file; equal arrays give equal bytes.

    Raises ValueError where one is not as it is declared.
    """
    lengths: dict[str, int] = {}
    try:
        for name, array in arrays.items():
            _check_declared(name, array.dtype, array.shape, lengths)
        for name, array in arrays.items():
            _check_values(name, array, lengths)
    except _WrongError as error:
        raise ValueError(str(error)) from None
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})
    return buffer.getvalue()


def arrays_digest(content: bytes) -> str:
    """A digest of the arrays in `content`, as `to_bytes` gives it; wall times are left out."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _digest(archive.infolist())


def _digest(members: Iterable[zipfile.ZipInfo]) -> str:
    """The same from an archive's list of members alone: reading one compares its checksum with its bytes."""
    sums = {member.filename.removesuffix(SUFFIX): f"{member.CRC} {member.file_size}" for member in members}
    return digest({name: each for name, each in sums.items() if not ARRAYS[name].is_time})


class ArrayFile(Mapping[str, Array]):
    """The arrays in a trial's file, each read when it is asked for.

    Every access raises RecordError, in one line, if the file is missing, is no `.npz`, holds anything that is not
    as it is declared, or has another digest than `expected`; KeyError if it has no array of that name.
    """

    def __init__(self, path: Path, *, expected: str | None = None) -> None:
        self.path, self._expected = path, expected

    def __getitem__(self, name: str) -> Array:
        if name not in self._shapes:
            raise KeyError(name)
        with self._reading() as archive, archive.open(f"{name}{SUFFIX}") as member:
            array: Array = np.lib.format.read_array(member, allow_pickle=False)
            _check_values(name, array, self._lengths)
            return array

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def find_damage(self) -> str | None:
        """What is wrong with the file, in a few words; None if all of it can be read."""
        try:
            for name in self:
                self[name]
        except RecordError as error:
            return str(error).removeprefix(f"{self.path}: ")
        return None

    @cached_property
    def _lengths(self) -> dict[str, int]:
        return {
            axis: length
            for name, shape in self._shapes.items()
            for axis, length in zip(ARRAYS[name].axes, shape, strict=True)
        }

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every array, all of them checked."""
        shapes: dict[str, tuple[int, ...]] = {}
        lengths: dict[str, int] = {}
        with self._reading() as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(SUFFIX)
                if member.flag_bits & 1 or name in shapes or not member.filename.endswith(SUFFIX):
                    raise _WrongError(f"{member.filename!r} is encrypted, no array, or there twice")
                with archive.open(member) as stream:
                    shapes[name] = _declared_shape(name, stream, member.file_size, lengths)
            if self._expected not in (None, _digest(archive.infolist())):
                raise _WrongError("holds other arrays than the trial left, as its record has it")
        return shapes

    @contextmanager
    def _reading(self) -> Iterator[zipfile.ZipFile]:
        """The open file; within it every error is a RecordError of one line."""
        if not self.path.is_file():
            raise RecordError(f"{self.path}: is missing")
        try:
            with open_regular(self.path) as file, zipfile.ZipFile(file) as archive:
                yield archive
        except _WrongError as error:
            raise RecordError(f"{self.path}: {error}") from None
        # numpy and zipfile have an error of another kind for every way in which a file can be damaged.
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise RecordError(f"{self.path}: cannot be read ({said})") from error


def _declared_shape(name: str, stream: IO[bytes], num_bytes: int, lengths: dict[str, int]) -> tuple[int, ...]:
    """The shape in an array's header, which agrees with the declaration and with the size of its data."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise _WrongError(f"{name}: format {version} is not read")
    shape, _, dtype = read[version](stream)
    _check_declared(name, dtype, shape, lengths)
    size = math.prod(shape) * dtype.itemsize
    if any(length < 0 for length in shape) or size > MOST_BYTES or size + stream.tell() != num_bytes:
        raise _WrongError(f"{name}: shape {shape} is not that of {num_bytes} bytes")
    return shape


def _check_declared(name: str, dtype: np.dtype[Any], shape: tuple[int, ...], lengths: dict[str, int]) -> None:
    """Raise _WrongError unless an array has the declared type and dimensions, and the `lengths` of others."""
    spec = ARRAYS.get(name)
    if spec is None:
        raise _WrongError(f"{name!r} is no array of a trial; {nearest(name, ARRAYS)}")
    if not dtype.str.startswith(_TYPES[spec.kind]) or len(shape) != len(spec.axes):
        raise _WrongError(f"{name}: {dtype} [{len(shape)} axes] is not {spec.kind} [{', '.join(spec.axes)}]")
    for axis, length in zip(spec.axes, shape, strict=True):
        if lengths.setdefault(axis, length) != length:
            raise _WrongError(f"{name}: {length} along {axis!r}, where others have {lengths[axis]}")


def _check_values(name: str, array: Array, lengths: Mapping[str, int]) -> None:
    spec = ARRAYS[name]
    if spec.below is not None and array.size:
        most = lengths.get(spec.below, 0)
        if array.min() < 0 or array.max() >= most:
            raise _WrongError(f"{name}: holds a place outside the {most} {spec.below}")
    if spec.kind == "text":
        # Numbers that are no letters raise only here.
        array.tolist()
