"""The images of a balanced folder as files, and the manifest row of each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from gan_study.trainables.base.files import full_path, open_regular, read_bytes, sha256_of
from gan_study.trainables.base.names import folder_name
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.difficulty import Difficulty
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.pixels import open_picture
from gan_study.trainables.data.reading.dicom import is_dicom
from gan_study.trainables.data.reading.listing import data_folder
from gan_study.trainables.data.reading.origins import find_origin
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.arrays import holds_arrays
from gan_study.trainables.export.balanced_folder import SYNTHETIC, TRAIN, VALIDATION, ManifestRow
from gan_study.trainables.export.filling import Filling
from gan_study.trainables.export.layout import write_png
from gan_study.trainables.export.request import ExportRequest
from gan_study.trainables.export.synthetic_mark import SyntheticMark
from gan_study.trainables.runtime.storage import is_partial, write_atomically
from gan_study.trainables.trial.data import TrialParts

# Files as readers of image folders know them (torchvision's, Hugging Face's): their suffixes for each of Pillow's
# formats, the usual one first.
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "BMP": (".bmp",),
    "JPEG": (".jpg", ".jpeg"),
    "MPO": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "PPM": (".ppm", ".pgm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
_NAMED_SUFFIXES = 5


@dataclass(frozen=True, kw_only=True)
class RealFile:
    """How a real image is written."""

    came_as: Path | None
    """The file that it was read from, if it has one of its own."""
    suffix: str | None
    """The suffix of its copy; None: readers would skip it, so it is written as the study reads it."""

    @property
    def is_kept(self) -> bool:
        """Whether the original file is in the folder."""
        return self.came_as is not None and self.suffix is not None


RealFiles: TypeAlias = Mapping[str, Sequence[RealFile]]


def real_files(parts: TrialParts, data: DataConfig) -> RealFiles:
    """How the real images of the training and the validation set are written, by part and row."""
    folder = _folder_of_files(data)
    return {
        part: [_real_file(images, row, folder) for row in range(len(images))] for part, images in _parts(parts)
    }


def rewritten_notes(files: RealFiles) -> Iterator[str]:
    """A note on the files that were converted."""
    found = [each.came_as for of_part in files.values() for each in of_part if not each.is_kept]
    suffixes = Counter(path.suffix.lower() or "no suffix" for path in found if path is not None)
    if suffixes:
        named = ", ".join(f"{number} {suffix}" for suffix, number in suffixes.most_common(_NAMED_SUFFIXES))
        yield (
            f"{suffixes.total()} real images have formats that readers of image folders skip ({named}); "
            f"here they are PNG files with the pixels that the study uses"
        )


def write_images(
    folder: Path,
    request: ExportRequest,
    parts: TrialParts,
    files: RealFiles,
    fillings: Mapping[int, Filling],
    *,
    generator_sha256: str,
) -> Iterator[ManifestRow]:
    """Writes the real images, then the synthetic ones, and yields each manifest row after its image is written."""
    _remove_partial(folder)
    # The files of the real training images by label, which synthetic images name as the nearest.
    nearest: dict[int, list[str]] = {}
    for part, images in _parts(parts):
        written: dict[int, list[str]] = nearest if part == TRAIN else {}
        for row, real in enumerate(files[part]):
            label = int(images.labels[row])
            name, of_class = images.class_names[label], written.setdefault(label, [])
            file = f"{part}/{folder_name(name)}/real-{len(of_class):06d}{real.suffix or '.png'}"
            _write_real(images, row, real, folder / file, links=request.links)
            of_class.append(file)
            yield ManifestRow(
                file=file,
                class_name=name,
                part=part,
                origin="real",
                source=images.origins[row],
                sha256=sha256_of(folder / file),
                weight="" if images.weights is None or part == VALIDATION else repr(float(images.weights[row])),
            )
    for label, made in fillings.items():
        name = parts.classes.names[label]
        names = [f"{TRAIN}/{folder_name(name)}/{SYNTHETIC}{number:06d}.png" for number in range(len(made.images))]
        for number, (file, pixels) in enumerate(zip(names, made.images, strict=True)):
            first, seed = int(made.repeats.row[number]), int(made.seeds[number])
            write_png(folder / file, pixels, mark=SyntheticMark(generator_sha256=generator_sha256, seed=seed))
            yield ManifestRow(
                file=file,
                class_name=name,
                part=TRAIN,
                origin="synthetic",
                seed=str(seed),
                nearest_real=nearest[label][made.nearest[number]],
                distance=f"{made.distances[number]:.6g}",
                repeats=names[first] if first != number else "",
                sha256=sha256_of(folder / file),
            )


def _remove_partial(folder: Path) -> None:
    """Remove what a process that was killed had half written; readers of the folder would take it for an image."""
    for part in (TRAIN, VALIDATION):
        for path in (folder / part).rglob(".*"):
            if is_partial(path):
                path.unlink()


def _folder_of_files(data: DataConfig) -> Path | None:
    """The folder in which each image is a file; None if they have none of their own, or are changed when read."""
    if not DATA_SETS[data.name].has_a_file_each or data.difficulty != Difficulty() or holds_arrays(data):
        return None
    assert data.root is not None, "a data set of files has a folder"
    return data_folder(data.root)


def _parts(parts: TrialParts) -> tuple[tuple[str, LabeledImages], ...]:
    return (TRAIN, parts.training), (VALIDATION, parts.validation)


def _real_file(images: LabeledImages, row: int, folder: Path | None) -> RealFile:
    """How an image is written whose file lies in `folder`, if it has one."""
    original = None if folder is None else find_origin(folder, images.origins[row])
    return RealFile(came_as=original, suffix=None if original is None else _suffix_of(original))


def _suffix_of(path: Path) -> str | None:
    """A suffix by which readers know what is in a file; None if there is none."""
    with open_regular(path) as file:
        if is_dicom(file):
            return None
        with open_picture(file) as picture:
            known = _SUFFIXES.get(picture.format or "", ())
    return path.suffix.lower() if path.suffix.lower() in known else next(iter(known), None)


def _write_real(images: LabeledImages, row: int, real: RealFile, path: Path, *, links: bool) -> None:
    if real.came_as is None or not real.is_kept:
        write_png(path, images.images[row])
    elif links:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(full_path(real.came_as))
    else:
        write_atomically(path, read_bytes(real.came_as))
