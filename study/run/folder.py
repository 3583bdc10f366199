"""The study folder: what lies where."""

import datetime
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.storage_url import resolve
from gan_study.study.plan.verdict_plan import verdict_plan
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError, dump
from gan_study.trainables.record import (
    IMPORTANCE_FILE,
    Change,
    Digests,
    RecordError,
    StudyHeader,
    TimePlan,
    read_header,
)
from gan_study.trainables.runtime.environment import code_digest
from gan_study.trainables.runtime.storage import write_atomically


class _Inside:
    """A path in a study's folder."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __get__(self, folder: "StudyFolder", owner: type["StudyFolder"]) -> Path:
        return folder.root / self._path


@dataclass(frozen=True)
class StudyFolder:
    """The paths of one study's files."""

    root: Path

    manifest = _Inside("study.json")
    """Name, identity, resolved configuration and versions; a folder with this file holds a study."""
    records = _Inside("records.jsonl")
    """The records, one a line."""
    decisions = _Inside("decisions.jsonl")
    """What the search decided, one decision a line: suggestions, and who was trained on at a rung."""
    selection = _Inside("selection.json")
    """What the confirmation takes from the search; there once the search is over."""
    rounds = _Inside("rounds.json")
    """Rounds of seeds, and why no further one follows; there once the study has decided on that, or was taken
    further."""
    optuna = _Inside("optuna.db")
    """Optuna's SQLite file, where the study names no other storage."""
    driver = _Inside("driver.lock")
    """Which process runs the study, and its lock; empty while none does."""
    artifacts = _Inside("artifacts")
    """The files of the trials."""
    importance = _Inside(IMPORTANCE_FILE)
    """How much each searched parameter matters; written whenever a report is."""
    report = _Inside("report")
    """The page, its tables and its plots."""
    mirrored = _Inside("wandb/mirrored.txt")
    """The ids of the trials whose W&B runs are complete, one a line."""

    logs = _Inside("logs")
    """A log of the driver and one of each trial: structured lines."""
    driver_log = _Inside("logs/driver.jsonl")
    """What the driver did, and when."""

    ray = _Inside("ray")
    """Ray's own files; of no use once the study is over."""
    cache = _Inside("cache")
    """What trials made at some cost and others may use; of no use once the study is over."""
    gans = _Inside("cache/gans")
    """The states of GANs, a folder for each training; search trials share them."""

    def log_of(self, trial_id: str) -> Path:
        """What happened in a trial; its attempts follow one another."""
        return self.logs / f"{trial_id}.jsonl"

    def confirmed_gans(self, trial_id: str) -> Path:
        """The states of a confirmed trial's GANs, which are no other trial's."""
        return self.gans / "confirmed" / trial_id

    def best_gans(self, trial_id: str) -> Path:
        """The same, once the study is over, where the trial is one that `gan-study balance` exports."""
        return self.root / "gans" / trial_id

    @property
    def scratch(self) -> tuple[Path, ...]:
        """What goes when the study is over."""
        return self.ray, self.cache


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A study folder's identity: `study_id` keeps its Optuna study apart from others in one storage."""

    study_id: str
    config: StudyConfig
    time_plan: TimePlan | None = None

    @property
    def asked(self) -> StudyConfig:
        """The study as it was asked for, of which `config` may leave out what did not fit into a time budget.

        Of a study that adds seeds until it is decided the first round stays as it was planned: later rounds bring
        the other seeds, and the plan of looks at the gains is kept.
        """
        if self.time_plan is None:
            return self.config
        asked = parse_study(self.time_plan.asked)
        if asked.confirm.until == "decided":
            asked = replace(asked, confirm=replace(asked.confirm, seeds=self.config.confirm.seeds))
        return asked

    @property
    def unique_name(self) -> str:
        """A name that no other study has."""
        return f"{self.config.name}-{self.study_id}"

    def storage(self, folder: StudyFolder) -> str:
        """The URL of the study's Optuna storage; raises UserError where it names a variable that is not set."""
        if self.config.storage is None:
            return f"sqlite:///{folder.optuna}"
        return resolve(self.config.storage, os.environ)


def claim_folder(root: Path) -> None:
    """Make the empty folder `root`; raises UserError where it holds a study already, or anything else."""
    if StudyFolder(root).manifest.exists():
        # A study of another version is none to continue with: this says so.
        read_manifest(root)
        raise UserError(
            f"{root} already holds a study; continue it by `gan-study resume {root}`, or choose another --out"
        )
    if root.exists() and any(path != StudyFolder(root).driver for path in root.iterdir()):
        raise UserError(f"{root} is not empty and holds no study; choose another --out")
    root.mkdir(parents=True, exist_ok=True)


def create_study_folder(
    root: Path, config: StudyConfig, environment: Mapping[str, str], *, time_plan: TimePlan | None = None
) -> Manifest:
    """Begin a study in `root`; raises UserError where it holds one already, or anything else."""
    claim_folder(root)
    header = StudyHeader(
        name=config.name,
        study_id=uuid.uuid4().hex[:8],
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        config=dump(config),
        environment=environment,
        verdicts=verdict_plan(config),
        digests=Digests(code=code_digest()),
        time_plan=time_plan,
    )
    _write_header(root, header, config)
    return _manifest(header)


def read_manifest(root: Path) -> Manifest:
    """The manifest of the study in `root`.

    Raises UserError if there is none, ConfigError if it is damaged, RecordError if another version wrote it.
    """
    return _manifest(_read_header(root))


def _manifest(header: StudyHeader) -> Manifest:
    config = parse_study(header.config)
    return Manifest(study_id=header.study_id, config=config, time_plan=header.time_plan)


def change_manifest(root: Path, section: str, after: Mapping[str, JsonValue]) -> Manifest:
    """The manifest of the study in `root` once the settings of a section are as in `after`, each change noted."""
    header = _read_header(root)
    before = header.config[section]
    assert isinstance(before, dict)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    changes = tuple(
        Change(key=f"{section}.{name}", before=before[name], after=value, at=now)
        for name, value in after.items()
        if before[name] != value
    )
    config = {**header.config, section: {**before, **after}}
    header = replace(header, config=config, changes=(*header.changes, *changes))
    manifest = _manifest(header)
    _write_header(root, header, manifest.config)
    return manifest


def change_time_plan(root: Path, config: StudyConfig, time_plan: TimePlan | None) -> Manifest:
    """The manifest of the study in `root` once it goes on as `config`, by another time plan or by none.

    The looks at the gains stay as they were planned: seeds beyond them are said to be added afterwards.
    """
    header = _read_header(root)
    plan = replace(verdict_plan(config), looks=header.verdicts.looks)
    _write_header(root, replace(header, config=dump(config), verdicts=plan, time_plan=time_plan), config)
    return read_manifest(root)


def _read_header(root: Path) -> StudyHeader:
    path = StudyFolder(root).manifest
    if not path.exists():
        raise UserError(f"{root} holds no study; start one there with `gan-study run RECIPE --out {root}`")
    try:
        return read_header(read_bytes(path))
    except ConfigError as error:
        raise ConfigError(f"{path} is not a study manifest: {error}") from None
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None


def _write_header(root: Path, header: StudyHeader, config: StudyConfig) -> None:
    content = (json.dumps(dump(header), indent=2) + "\n").encode()
    patience = config.resources.storage_patience_seconds
    write_atomically(StudyFolder(root).manifest, content, patience_seconds=patience)
