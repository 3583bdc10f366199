"""The study folder: what lies where."""

import datetime
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_study.study.plan.config import StudyConfig, dump_study, parse_study
from gan_study.study.plan.storage_url import resolved
from gan_study.trainables.base.settings import ConfigError, UserError, dump
from gan_study.trainables.record import IMPORTANCE_FILE, Digests, RecordError, StudyHeader, read_header
from gan_study.trainables.runtime.storage import write_atomically
from gan_study.trainables.trial.environment import code_digest


@dataclass(frozen=True)
class StudyFolder:
    """The paths of one study's files."""

    root: Path

    @property
    def manifest(self) -> Path:
        """Name, identity, resolved configuration and versions; a folder with this file holds a study."""
        return self.root / "study.json"

    @property
    def records(self) -> Path:
        """The records, one a line."""
        return self.root / "records.jsonl"

    @property
    def selection(self) -> Path:
        """What the search chose; there once the search is over."""
        return self.root / "selection.json"

    @property
    def optuna(self) -> Path:
        """Optuna's SQLite file, where the study names no other storage."""
        return self.root / "optuna.db"

    @property
    def driver(self) -> Path:
        """Which process runs the study, and its lock; empty while none does."""
        return self.root / "driver.lock"

    @property
    def kept(self) -> Path:
        """What trials made at some cost and others may want; of no use once the study is over."""
        return self.root / "kept"

    @property
    def gans(self) -> Path:
        """The states of GANs, a folder for each training; search trials share them."""
        return self.kept / "gans"

    def confirmed_gans(self, trial_id: str) -> Path:
        """The states of a confirmed trial's GANs, which are no other trial's."""
        return self.gans / "confirmed" / trial_id

    def best_gans(self, trial_id: str) -> Path:
        """The same, once the study is over, where the trial is one that `gan-study balance` exports."""
        return self.root / "gans" / trial_id

    @property
    def ray(self) -> Path:
        """Ray's own files; of no use once the study is over."""
        return self.root / "ray"

    @property
    def artifacts(self) -> Path:
        """The arrays of each trial, a file each."""
        return self.root / "artifacts"

    @property
    def logs(self) -> Path:
        """A log of the driver and one of each trial: structured lines."""
        return self.root / "logs"

    @property
    def driver_log(self) -> Path:
        """What the driver did, and when."""
        return self.logs / "driver.jsonl"

    def log_of(self, trial_id: str) -> Path:
        """What happened in a trial; its attempts follow one another."""
        return self.logs / f"{trial_id}.jsonl"

    @property
    def mirrored(self) -> Path:
        """The ids of the trials whose W&B runs are complete, one a line."""
        return self.root / "wandb" / "mirrored.txt"

    @property
    def importance(self) -> Path:
        """How much each searched parameter matters; written whenever a report is."""
        return self.root / IMPORTANCE_FILE

    @property
    def report(self) -> Path:
        """The page, its tables and its plots."""
        return self.root / "report"

    @property
    def scratch(self) -> tuple[Path, ...]:
        """What goes when the study is over."""
        return self.ray, self.kept


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A study folder's identity: `study_id` keeps its Optuna study apart from others in one storage."""

    study_id: str
    config: StudyConfig

    @property
    def unique_name(self) -> str:
        """A name that no other study has."""
        return f"{self.config.name}-{self.study_id}"

    def storage(self, folder: StudyFolder) -> str:
        """The URL of the study's Optuna storage; raises UserError where it names a variable that is not set."""
        if self.config.storage is None:
            return f"sqlite:///{folder.optuna}"
        return resolved(self.config.storage, os.environ)


def claim_folder(root: Path) -> None:
    """Make the empty folder `root`; raises UserError where it holds a study already, or anything else."""
    if StudyFolder(root).manifest.exists():
        raise UserError(
            f"{root} already holds a study; go on with it by `gan-study resume {root}`, or choose another --out"
        )
    if root.exists() and any(path != StudyFolder(root).driver for path in root.iterdir()):
        raise UserError(f"{root} is not empty and holds no study; choose another --out")
    root.mkdir(parents=True, exist_ok=True)


def create_study_folder(root: Path, config: StudyConfig, environment: Mapping[str, str]) -> Manifest:
    """Begin a study in `root`; raises UserError where it holds one already, or anything else."""
    claim_folder(root)
    header = StudyHeader(
        name=config.name,
        study_id=uuid.uuid4().hex[:8],
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        config=dump_study(config),
        environment=environment,
        digests=Digests(code=code_digest()),
    )
    write_atomically(
        StudyFolder(root).manifest,
        (json.dumps(dump(header), indent=2) + "\n").encode(),
        patience_seconds=config.resources.storage_patience_seconds,
    )
    return Manifest(study_id=header.study_id, config=config)


def read_manifest(root: Path) -> Manifest:
    """The manifest of the study in `root`.

    Raises UserError if there is none, ConfigError if it is damaged, RecordError if another version wrote it.
    """
    path = StudyFolder(root).manifest
    if not path.exists():
        raise UserError(f"{root} holds no study; start one there with `gan-study run RECIPE --out {root}`")
    try:
        header = read_header(path.read_bytes())
    except ConfigError as error:
        raise ConfigError(f"{path} is not a study manifest: {error}") from None
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    return Manifest(study_id=header.study_id, config=parse_study(header.config))
