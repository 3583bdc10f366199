"""The request for an export, and whether a folder may be used for it."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from gan_study.trainables.base.files import full_path, read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError, dump, find_differences, from_json
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.fingerprint import take_fingerprint
from gan_study.trainables.data.published import data_folders
from gan_study.trainables.data.reading.origins import read_folders
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.arrays import is_read_alone
from gan_study.trainables.export.about import About
from gan_study.trainables.export.balanced_folder import (
    DESCRIPTION,
    Description,
    find_change,
    read_description,
)
from gan_study.trainables.export.findings import OVERRULED_BY, Fault
from gan_study.trainables.runtime.environment import Library
from gan_study.trainables.trial.config import TrialConfig, dump_trial

# Holds what an export that was cut off has done; gone once the folder is complete.
WORK = Path(".work")
REQUEST = WORK / "request.json"
_SHOWN = 3
# What decides what a folder holds.
_ASKED = ("trial", "all_images", "links", "data")


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """The request for an export: the trial whose balanced set is exported, and how it is written."""

    config: TrialConfig
    study_validation: Mapping[str, float | None] | None = None
    """The trial's validation scores, if a study has run it."""
    states: Path | None = None
    """A folder with checkpoints of the trial's GANs; training continues from one with the same settings."""
    library: Library | None = None
    """The library that the trial used for matrix products."""
    all_images: bool = False
    """Also train on the validation set, which leaves no images to score a classifier."""
    links: bool = False
    """Write real images as symbolic links to the original files, instead of copies."""
    threads: int = 1
    """On a CPU the last digits of all numbers depend on them."""
    findings: tuple[str, ...] = ()
    """Sentences of the study about this GAN, for the data card."""
    about: About = field(default_factory=About)
    """What a person says about the real images."""
    allowed: frozenset[Fault] = frozenset()
    """Problems of the synthetic images that are recorded and do not stop the export."""

    @property
    def trial(self) -> TrialConfig:
        """The configuration without the paths of its files, which change no number and are private."""
        return replace(self.config, data=replace(self.config.data, root=None))

    def asked(self, data: str) -> dict[str, JsonValue]:
        """Everything that determines the content of the folder; `data` is the digest of the files of real
        images.
        """
        return {
            "trial": dump_trial(self.trial),
            "all_images": self.all_images,
            "links": self.links,
            "data": data,
        }

    def to_bytes(self, data: str, *, made_on: str) -> bytes:
        """The request and its day, as stored in an incomplete folder."""
        return json.dumps({**self.asked(data), "made_on": made_on}, sort_keys=True).encode()


def refuse_source(config: TrialConfig, folder: Path) -> None:
    """Raises UserError if `folder` is inside a folder of real images, or contains one."""
    target = full_path(folder)
    for source in map(full_path, _source_folders(config.data)):
        if source.is_relative_to(target) or target.is_relative_to(source):
            raise UserError(f"--out {folder}: choose a folder outside that of the real images, {source}")


def _source_folders(data: DataConfig) -> tuple[Path, ...]:
    """Where real images are read from: all that lies below a folder or beside a table, or one file of arrays."""
    data_set = DATA_SETS[data.name]
    if data.root is not None and data_set.has_a_file_each and not is_read_alone(data):
        return read_folders(Path(data.root))
    return data_folders(data.root) if data.root is not None or data_set.is_looked_for else ()


def find_finished(request: ExportRequest, folder: Path) -> Description | None:
    """The description for `request`, if `folder` already has it complete.

    Raises UserError if it contains anything else, such as other images or settings, and if its images are missing,
    were changed, or were added.
    """
    if (folder / DESCRIPTION).exists():
        description = read_description(folder)
        held = dump(description)
        _refuse_other({name: held[name] for name in _ASKED}, request, folder, "another balanced data set")
        _refuse_changed(folder, description)
        _refuse_overruled(description, request, folder)
        return description
    if (folder / REQUEST).exists():
        begun = _read_begun(folder)
        _refuse_other(
            {name: begun.get(name) for name in _ASKED},
            request,
            folder,
            "the beginning of another balanced data set",
        )
    elif folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another --out")
    return None


def day_begun(folder: Path) -> str:
    """The day on which the export in `folder` began, today if it has not; an interrupted export keeps its day."""
    begun = _read_begun(folder).get("made_on") if (folder / REQUEST).exists() else None
    return begun if isinstance(begun, str) else datetime.datetime.now(datetime.UTC).date().isoformat()


def _read_begun(folder: Path) -> Mapping[str, JsonValue]:
    begun = from_json(read_bytes(folder / REQUEST))
    if not isinstance(begun, dict):
        raise ConfigError(f"{folder / REQUEST} is damaged: not a JSON object")
    return begun


def _refuse_overruled(description: Description, request: ExportRequest, folder: Path) -> None:
    """Raise UserError if a complete folder has a fault that `request` does not allow."""
    faults = [fault for fault in description.overruled if fault not in request.allowed]
    if faults:
        options = " ".join(OVERRULED_BY[fault] for fault in faults)
        raise UserError(
            f"{folder} was written although images are {' and '.join(faults)}, as {options} allowed; "
            f"give this option again"
        )


def _refuse_changed(folder: Path, description: Description) -> None:
    """Raise UserError if the images of a folder that was complete are not those of its manifest."""
    if (change := find_change(folder, description)) is not None:
        raise UserError(f"{folder} {change}; choose another --out")


def _refuse_other(held: Mapping[str, JsonValue], request: ExportRequest, folder: Path, what: str) -> None:
    """Raise UserError if a folder that was made as `held` is not what `request` asks for."""
    asked = request.asked(take_fingerprint(request.config.data).digest)
    # Early versions did not note these.
    unknown = {name for name in ("links", "data") if held.get(name) is None}
    other = [
        "other images" if key == "data" else f"{key.removeprefix('trial.')} {old!r}, not {new!r}"
        for key, old, new in find_differences(held, asked)
        if key.partition(".")[0] not in unknown
    ]
    if other:
        shown = ", ".join(other[:_SHOWN]) + (", ..." if other[_SHOWN:] else "")
        raise UserError(f"{folder} contains {what} ({shown}); choose another --out")
