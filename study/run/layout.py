"""The files of a study's folder, and the header of a study; loads no large library."""

from dataclasses import dataclass
from pathlib import Path

from gan_study.trainables.base.files import in_shell, read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.records.record import RecordError
from gan_study.trainables.records.study_header import IMPORTANCE_FILE, StudyHeader, read_header


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
    """Name, identity, resolved configuration and versions; a folder with this file is a study."""
    origin = _Inside("origin.json.gz")
    """The manifest as this package last wrote it, and the digest of each data file, to detect changes."""
    records = _Inside("records.jsonl")
    """The records, one in each line."""
    failed = _Inside("failed.jsonl")
    """The records of failed trials that were run again (`resume --retry-failed`), one in each line."""
    decisions = _Inside("decisions.jsonl")
    """The decisions of the search, one in each line: suggestions, and which trials continued at a rung."""
    selection = _Inside("selection.json")
    """The settings to confirm; written when the search is over."""
    rounds = _Inside("rounds.json")
    """Rounds of seeds, and why no further one follows; written when this is decided, or when the study is
    extended."""
    plan_summary = _Inside("plan_summary.json")
    """The number of trials that the files above ask for, so that `gan-study status` need not load large
    libraries."""
    optuna = _Inside("optuna.db")
    """Optuna's SQLite file, unless the study names another storage."""
    driver = _Inside("driver.lock")
    """The process that runs the study, and its lock; empty if none does."""
    artifacts = _Inside("artifacts")
    """The files of the trials."""
    importance = _Inside(IMPORTANCE_FILE)
    """The importance of each searched parameter; written with each report."""
    report = _Inside("report")
    page = _Inside("report/report.html")
    """The page, its tables and its plots."""
    mirrored = _Inside("wandb/mirrored.txt")
    """The ids of the trials whose W&B runs are complete, one in each line."""

    logs = _Inside("logs")
    """A log of the driver and one of each trial: structured lines."""
    driver_log = _Inside("logs/driver.jsonl")
    """What the driver did, and when."""

    ray = _Inside("ray")
    """Ray's own files; not needed when the study is finished."""
    token = _Inside("ray/token")
    """Written by the driver at the start: a machine with another folder at this path does not find it."""
    cache = _Inside("cache")
    """Expensive results of trials that other trials may use; not needed when the study is finished."""
    gans = _Inside("cache/gans")
    """The states of GANs, a folder for each training; search trials share them."""

    def log_of(self, trial_id: str) -> Path:
        """The log of a trial; its attempts follow one another."""
        return self.logs / f"{trial_id}.jsonl"

    def confirmed_gans(self, trial_id: str) -> Path:
        """The states of a confirmed trial's GANs, separate from those of other trials."""
        return self.gans / "confirmed" / trial_id

    def best_gans(self, trial_id: str) -> Path:
        """The same after the study is finished, if `gan-study balance` may export the trial."""
        return self.root / "gans" / trial_id

    @property
    def scratch(self) -> tuple[Path, ...]:
        """What is deleted when the study is finished."""
        return self.ray, self.cache


def read_manifest_file(root: Path) -> StudyHeader:
    """The contents of `study.json` of the study in `root`; raises as `read_manifest` does."""
    path = StudyFolder(root).manifest
    if root.is_file():
        raise UserError(f"{root} is a file; the folder of a study is needed")
    if not path.exists():
        raise UserError(
            f"{root} contains no study; start one there with `gan-study run RECIPE --out {in_shell(root)}`"
        )
    try:
        return read_header(read_bytes(path))
    except ConfigError as error:
        raise ConfigError(f"{path} is not a valid study.json: {error}") from None
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
