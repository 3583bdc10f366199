"""The files of a study's folder, and the header of a study; loads no large library."""

from dataclasses import dataclass
from pathlib import Path

from gan_study.trainables.base.files import in_shell, read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.record import IMPORTANCE_FILE, RecordError, StudyHeader, read_header


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
    origin = _Inside("origin.json.gz")
    """The manifest as this package last wrote it, and the digest of each file of data: tells what was changed."""
    records = _Inside("records.jsonl")
    """The records, one a line."""
    failed = _Inside("failed.jsonl")
    """The records of failed trials that were run again (`resume --retry-failed`), one a line."""
    decisions = _Inside("decisions.jsonl")
    """What the search decided, one decision a line: suggestions, and who was trained on at a rung."""
    selection = _Inside("selection.json")
    """What the confirmation takes from the search; there once the search is over."""
    rounds = _Inside("rounds.json")
    """Rounds of seeds, and why no further one follows; there once the study has decided on that, or was taken
    further."""
    plan_summary = _Inside("plan_summary.json")
    """How many trials the files above ask for, so that `gan-study status` loads no large library."""
    optuna = _Inside("optuna.db")
    """Optuna's SQLite file, where the study names no other storage."""
    driver = _Inside("driver.lock")
    """Which process runs the study, and its lock; empty while none does."""
    artifacts = _Inside("artifacts")
    """The files of the trials."""
    importance = _Inside(IMPORTANCE_FILE)
    """How much each searched parameter matters; written whenever a report is."""
    report = _Inside("report")
    page = _Inside("report/report.html")
    """The page, its tables and its plots."""
    mirrored = _Inside("wandb/mirrored.txt")
    """The ids of the trials whose W&B runs are complete, one a line."""

    logs = _Inside("logs")
    """A log of the driver and one of each trial: structured lines."""
    driver_log = _Inside("logs/driver.jsonl")
    """What the driver did, and when."""

    ray = _Inside("ray")
    """Ray's own files; of no use once the study is over."""
    token = _Inside("ray/token")
    """What the driver wrote when it began: a machine that sees another folder in its place does not find it."""
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


def read_manifest_file(root: Path) -> StudyHeader:
    """All that `study.json` of the study in `root` says; raises as `read_manifest` does."""
    path = StudyFolder(root).manifest
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
