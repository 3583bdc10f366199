"""The images of a balanced folder as files, and the manifest row of each."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gan_study.trainables.base.files import full_path, read_bytes, sha256_of
from gan_study.trainables.base.names import folder_name
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.difficulty import Difficulty
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.reading.listing import data_folder
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.array_file import is_array_file
from gan_study.trainables.data.sources.image_folder import find_origin
from gan_study.trainables.export.balanced_folder import SYNTHETIC, TRAIN, VALIDATION, ManifestRow
from gan_study.trainables.export.filling import Filling
from gan_study.trainables.export.layout import write_png
from gan_study.trainables.export.request import ExportRequest
from gan_study.trainables.export.synthetic_mark import SyntheticMark
from gan_study.trainables.runtime.storage import is_partial, write_atomically
from gan_study.trainables.trial.data import TrialParts


def write_images(
    folder: Path,
    request: ExportRequest,
    parts: TrialParts,
    fillings: Mapping[int, Filling],
    *,
    generator_sha256: str,
) -> Iterator[ManifestRow]:
    """Writes the real images, then the synthetic ones, and yields each one's manifest row once it is written."""
    _remove_partial(folder)
    # The files of the real training images by label, which synthetic images name as the nearest.
    nearest: dict[int, list[str]] = {}
    for part, images in ((TRAIN, parts.training), (VALIDATION, parts.validation)):
        files: dict[int, list[str]] = nearest if part == TRAIN else {}
        for row in range(len(images)):
            label = int(images.labels[row])
            name, of_class = images.class_names[label], files.setdefault(label, [])
            original = _original(images, row, request.config.data)
            suffix = original.suffix.lower() if original else ".png"
            file = f"{part}/{folder_name(name)}/real-{len(of_class):06d}{suffix}"
            _write_real(images, row, original, folder / file, links=request.links)
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


def _original(images: LabeledImages, row: int, data: DataConfig) -> Path | None:
    """The file of an image; None if it has none of its own, or was changed after it was read."""
    if not DATA_SETS[data.name].has_a_file_each or data.difficulty != Difficulty():
        return None
    assert data.root is not None, "a data set of files has a folder"
    return None if is_array_file(data.root) else find_origin(data_folder(data.root), images.origins[row])


def _write_real(images: LabeledImages, row: int, original: Path | None, path: Path, *, links: bool) -> None:
    if original is None:
        write_png(path, images.images[row])
    elif links:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(full_path(original))
    else:
        write_atomically(path, read_bytes(original))
