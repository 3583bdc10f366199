"""The search in an Optuna storage, for optuna-dashboard and Optuna's own plots: a view of the records."""

import contextlib
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from gan_study.search_spaces.space import Space
from gan_study.study.plan.searcher import STATES, to_optuna, value_of
from gan_study.study.plan.storage_url import kind_of, sqlite_file, sqlite_url
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.records.record import Milestone, SearchTrial, TrialRecord
from gan_study.trainables.runtime.storage import retry

# Where servers listen unless a URL says otherwise.
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
CONNECTION_SECONDS = 10
_SQLITE_WANTS_ROLLBACK = "attempt to write a readonly database"

T = TypeVar("T")


def search_of(space: Space, records: Iterable[TrialRecord]) -> optuna.Study:
    """The search in `records` as an Optuna study in memory."""
    study = optuna.create_study(direction="maximize")
    study.add_trials(_as_optuna(space, records))
    return study


def _as_optuna(space: Space, records: Iterable[TrialRecord]) -> Iterator[FrozenTrial]:
    """The search trials among `records`."""
    for record in records:
        if record.search is not None:
            yield to_optuna(space, record.trial_id, record.search, record)


class StorageUnavailableError(UserError):
    """Optuna's storage does not answer, or cannot write: this may be temporary."""


class DamagedStorageError(UserError):
    """Optuna's storage was damaged: tables are missing, or have unreadable content."""


class OptunaView:
    """A study's search as a storage shows it.

    When a study is resumed it is compared with the records, and created again from them if they differ, so that
    the two always agree. A storage that fails is retried for `patience_seconds`, except when it is opened.
    `own_file` is the SQLite file that contains only this view, if there is one: if damaged, it is removed and
    written again. Any other storage raises DamagedStorageError.
    """

    def __init__(
        self,
        *,
        storage: str,
        study_name: str,
        space: Space,
        own_file: Path | None = None,
        patience_seconds: float = 0.0,
    ) -> None:
        self._space = space
        self._patience_seconds = patience_seconds
        self._url, self._own_file = storage, own_file
        self._name = study_name
        try:
            self._storage = self._open()
        except DamagedStorageError:
            self._storage = self._open_anew()
        # Each trial's number in the storage.
        self._running: dict[str, int] = {}

    def rebuild(self, records: Iterable[TrialRecord]) -> None:
        """Replace the study's content in the storage by `records`."""
        searched = sorted(_as_optuna(self._space, records), key=lambda trial: trial.user_attrs["number"])

        def rebuild() -> None:
            self._running.clear()
            if self._name in optuna.study.get_all_study_names(self._storage):
                optuna.delete_study(study_name=self._name, storage=self._storage)
            study = optuna.create_study(study_name=self._name, storage=self._storage, direction="maximize")
            study.add_trials(searched)
            # Rows of a study that lost its own may come to light under its number.
            if len(study.get_trials(deepcopy=False)) != len(searched):
                raise DamagedStorageError(
                    f"Optuna's storage ({kind_of(self._url)}): contains trials that are not of this study"
                )

        self._or_anew(rebuild, rebuild)

    def follow(self, records: Iterable[TrialRecord]) -> None:
        """Let the storage show `records`, and trials that were running as running until they have started again.

        Adds what is missing if all that is there agrees: reading a trial takes less than a tenth of the time of
        adding it. Otherwise as `rebuild`.
        """
        kept = list(records)
        searched = {str(trial.user_attrs["trial_id"]): trial for trial in _as_optuna(self._space, kept)}

        def follow() -> bool:
            if self._name not in optuna.study.get_all_study_names(self._storage):
                return False
            study = optuna.load_study(study_name=self._name, storage=self._storage)
            missing, running = dict(searched), dict[str, int]()
            for row in study.get_trials(deepcopy=False):
                trial_id = str(row.user_attrs.get("trial_id"))
                is_running = row.state == TrialState.RUNNING and trial_id not in searched
                if trial_id in running or not (is_running or _agree(row, missing.pop(trial_id, None))):
                    return False
                if is_running:
                    running[trial_id] = row.number
            study.add_trials(missing.values())
            number_of, study_id = self._storage.get_trial_id_from_study_id_trial_number, self._study_id()
            self._running = {trial_id: number_of(study_id, number) for trial_id, number in running.items()}
            return True

        if not self._or_anew(follow, lambda: False):
            self.rebuild(kept)

    def _study_id(self) -> int:
        return self._storage.get_study_id_from_name(self._name)

    def _or_anew(self, action: Callable[[], T], if_damaged: Callable[[], T]) -> T:
        """What `action` gives; in a damaged storage what `if_damaged` gives once it is empty."""
        try:
            return self._retry(action)
        except DamagedStorageError:
            self._storage = self._open_anew()
            return self._retry(if_damaged)

    def _open(self) -> BaseStorage:
        with _storage_errors(self._url):
            return _open(self._url)

    def _open_anew(self) -> BaseStorage:
        """The storage without anything in it; raises the DamagedStorageError at hand if others may use it."""
        if self._own_file is None:
            raise
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._own_file.with_name(f"{self._own_file.name}{suffix}").unlink(missing_ok=True)
        return self._open()

    def started(self, trial_id: str, step: SearchTrial) -> None:
        """Show a search trial as running.

        In one transaction: with separate steps, a trial would wait for the disk ten times.
        """
        if trial_id in self._running:
            # It was running when the study was interrupted.
            return
        shown, create = to_optuna(self._space, trial_id, step), self._storage.create_new_trial
        self._running[trial_id] = self._retry(lambda: create(self._study_id(), template_trial=shown))

    def reached(self, trial_id: str, milestone: Milestone) -> None:
        """Show a milestone of a running trial."""
        number = self._running[trial_id]
        self._retry(
            lambda: self._storage.set_trial_intermediate_value(
                number, milestone.generator_steps, milestone.objective
            )
        )

    def finished(self, record: TrialRecord) -> None:
        """Show a trial as complete, pruned or failed."""
        number, value = self._running.pop(record.trial_id), value_of(record)
        values = None if value is None else [value]
        self._retry(lambda: self._storage.set_trial_state_values(number, STATES[record.status], values))

    def _retry(self, action: Callable[[], T]) -> T:
        """What `action` gives, tried again while the storage fails: each is one transaction, or begins again."""
        return retry(
            _storage_errors(self._url)(action),
            seconds=self._patience_seconds,
            passes=lambda error: isinstance(error, StorageUnavailableError),
        )


def _agree(row: FrozenTrial, wanted: FrozenTrial | None) -> bool:
    """Whether a trial in a storage shows what it should."""
    names = ("state", "value", "params", "distributions", "user_attrs", "intermediate_values")
    return wanted is not None and all(getattr(row, name) == getattr(wanted, name) for name in names)


def check_storage(url: str) -> None:
    """Raise UserError, in one line, if Optuna cannot open the storage `url`."""
    with _storage_errors(url):
        _open(url).remove_session()


@contextlib.contextmanager
def _storage_errors(url: str) -> Iterator[None]:
    """Says in one line what is wrong with the storage `url`; the records are complete without it."""
    try:
        yield
    except UserError:
        raise
    # What Optuna and SQLAlchemy raise on a damaged storage is of any kind: assertions, look-ups, conversions.
    except Exception as error:
        # Optuna's own error is advice about something else.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        # SQLAlchemy continues with the statement and its values.
        first_line = str(cause or error).partition("\n")[0] or type(error).__name__
        if isinstance(error, ImportError | ValueError) or isinstance(cause, ArgumentError):
            # Such messages repeat the URL.
            first_line = f"cannot be opened ({type(error).__name__}); check its URL and its driver"
        raise _kind_of(cause)(f"Optuna's storage ({kind_of(url)}): {first_line}") from None


def _kind_of(error: BaseException | None) -> type[UserError]:
    """What an error of a storage means: it may pass, the storage is damaged, or its name is of no use."""
    # What SQLite says of a table or a column that is missing: all that may pass has a code of its own.
    if getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return DamagedStorageError
    if isinstance(error, OperationalError):
        return StorageUnavailableError
    return UserError if isinstance(error, ImportError | ArgumentError) else DamagedStorageError


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference between an Optuna storage and the records; `is_late` if it only lags behind them."""

    what: str
    is_late: bool


def differences(*, storage: str, study_name: str, records: Iterable[TrialRecord]) -> Iterator[Difference]:
    """Where a storage disagrees with the records of a study's search; nothing is written to it."""
    try:
        shown = _rows(storage, study_name)
    except KeyError:
        yield Difference(what=f"holds no study {study_name!r}", is_late=True)
        return
    # As above: what a damaged storage raises is of any kind.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        yield Difference(what=f"cannot be read: {why}", is_late=False)
        return
    searched = {record.trial_id: record for record in records if record.search is not None}
    for row in shown:
        trial_id = str(row.user_attrs.get("trial_id"))
        record = searched.pop(trial_id, None)
        told = f"trial {trial_id}: {row.state.name}"
        if record is None:
            yield Difference(what=f"{told}, without a record", is_late=not row.state.is_finished())
        elif not row.state.is_finished():
            yield Difference(what=f"{told}, recorded as {record.status}", is_late=True)
        elif (row.state, row.value) != (STATES[record.status], value_of(record)):
            said = f"{record.status} with {value_of(record)}"
            yield Difference(what=f"{told} with {row.value}, recorded as {said}", is_late=False)
    for trial_id in searched:
        yield Difference(what=f"trial {trial_id}: not there", is_late=True)


def _open(url: str) -> BaseStorage:
    _refuse_silent_server(url)
    # Optuna takes braces for a template's.
    return optuna.storages.get_storage(url.replace("{", "%7B").replace("}", "%7D"))


def _refuse_silent_server(url: str) -> None:
    """Raise StorageUnavailableError if nothing listens at the server of `url`; drivers wait for minutes."""
    named = make_url(url)
    port = named.port or _PORTS.get(named.get_backend_name())
    if not named.host or port is None:
        return
    try:
        socket.create_connection((named.host, port), timeout=CONNECTION_SECONDS).close()
    # UnicodeError: a name that is none by the rules for names of hosts.
    except (OSError, OverflowError, UnicodeError) as error:
        # Of a URL that is odd, a password may be taken for a part of the host's name: it is not repeated.
        why = getattr(error, "strerror", None) or type(error).__name__
        message = f"Optuna's storage ({kind_of(url)}): the server does not answer ({why})"
        raise StorageUnavailableError(message) from None


def _rows(storage: str, study_name: str) -> list[FrozenTrial]:
    file = sqlite_file(storage)
    if file is None:
        return _rows_at(storage, study_name)
    if Path(f"{file}-wal").exists():
        # Even who only reads beside such a file writes the index of it.
        return _rows_of_copy(file, "-wal", study_name)
    try:
        return _rows_at(sqlite_url(file, is_read_only=True), study_name)
    except (StorageInternalError, OperationalError) as error:
        # A driver killed within a transaction leaves a journal to be rolled back before anyone reads: in a copy,
        # as nothing is written here. While a driver lives, SQLite knows that its journal is no such rest.
        if _SQLITE_WANTS_ROLLBACK not in f"{error} {error.__cause__}":
            raise
        return _rows_of_copy(file, "-journal", study_name)


def _rows_of_copy(file: Path, beside: str, study_name: str) -> list[FrozenTrial]:
    """The rows of a copy of the database `file` and of the file beside it whose name ends so."""
    with tempfile.TemporaryDirectory() as folder:
        # An empty database has no journal.
        copied = [shutil.copy(path, folder) for path in (file, f"{file}{beside}") if Path(path).exists()]
        return _rows_at(sqlite_url(Path(copied[0])), study_name)


def _rows_at(url: str, study_name: str) -> list[FrozenTrial]:
    opened = _open(url)
    return opened.get_all_trials(opened.get_study_id_from_name(study_name))
