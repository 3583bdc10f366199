"""What crosses Ray's border: the request from the driver to a worker, and the worker's reports."""

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.gans.batched import ALONE, TrialExecution
from gan_study.trainables.records.record import Milestone, TrialRecord
from gan_study.trainables.runtime.moment import Moment
from gan_study.trainables.runtime.storage import StorageError, retry
from gan_study.trainables.trial.config import TrialConfig
from gan_study.trainables.trial.purpose import Purpose

# The only key of a Tune trial's configuration, and the key of a report in its results.
REQUEST, REPORT = "request", "report"


class OtherCodeError(UserError):
    """A worker runs different code of this package than the driver: its numbers would not belong to the study."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"a worker runs different code of gan_study than this process: {where}; start the study "
            f"from a folder without another checkout, and install the same version on every machine"
        )
        self._where = where

    def __reduce__(self) -> tuple[type["OtherCodeError"], tuple[str]]:
        # An exception is pickled as its class and its message, which would be made twice.
        return OtherCodeError, (self._where,)


@dataclass(frozen=True, kw_only=True)
class TrialPlaces:
    """Where a trial reads and writes; every machine of the cluster sees these paths."""

    study: Path
    """The study's folder, to which a record's artifact paths are relative."""
    cache: Path
    """Shared by trials: classifiers that measure images, and the choice of a matrix library."""
    gans: Path
    """Checkpoints of GANs."""
    log: Path
    """The trial's own log."""
    token: Path
    """A file that contains `mark` on every machine that sees the study's folder; other folders lack it."""
    mark: str

    def find_fault(self, *, patience_seconds: float) -> StorageError | None:
        """Why this machine must not write to these folders; None if it sees the study's folder.

        A network file system may take a while to show a new folder.
        """

        def look() -> None:
            try:
                is_seen = read_text(self.token) == self.mark
            except (FileNotFoundError, NotADirectoryError):
                is_seen = False
            if not is_seen:
                what = (
                    f"{socket.gethostname()} sees another folder, or none, at the path of the study; "
                    f"mount it there"
                )
                raise StorageError(errno.ENOTCONN, what, str(self.study))

        try:
            retry(look, seconds=patience_seconds)
        except OSError as error:
            return error if isinstance(error, StorageError) else StorageError(*error.args, str(self.study))
        return None


@dataclass(frozen=True, kw_only=True)
class TrialLimits:
    """How long a trial may take, how often it saves its GANs, and how long it waits for storage, in seconds."""

    trial_seconds: float | None = None
    """None: no limit."""
    ends_at: Moment | None = None
    """When the study has no time left: a trial that still runs is stopped and leaves no record. None: never."""
    checkpoint_interval_seconds: float = 60.0
    storage_patience_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """Everything that a worker needs to run one trial, except the images."""

    config: TrialConfig
    purpose: Purpose
    imbalance_ratio: float
    """Largest over smallest class count, for the record of a trial that fails before it has read its data."""
    places: TrialPlaces
    limits: TrialLimits = TrialLimits()
    checkpoint_steps: frozenset[int] = frozenset()
    """The generator steps after which other trials may want the GAN's state."""
    keeps_gan: bool = False
    """Whether the GAN's states are stored each time it is observed, for other trials or an export."""
    execution: TrialExecution = ALONE
    """How its GANs are trained."""
    code: str | None = None
    """The digest of the driver's code; a worker with other code refuses the trial. None: any will do."""

    @property
    def trial_id(self) -> str:
        """The name of the configuration."""
        return self.config.trial_id


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """The result of one step of a trial: a milestone, or its end: by a record, by failing storage, by a worker
    that refuses it, or because the study's time was over.
    """

    milestone: Milestone | None = None
    record: TrialRecord | None = None
    storage_error: StorageError | None = None
    refusal: UserError | None = None
    """Why the worker runs no trial of this study."""
    is_cut: bool = False
    """Whether the study's time was over."""

    def to_tune(self) -> dict[str, object]:
        """The result for Tune; every report except a milestone is the trial's last."""
        return {REPORT: self, "done": self.milestone is None}
