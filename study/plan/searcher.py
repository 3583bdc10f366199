"""Optuna: what to try next, as a pure function, and a storage that shows the search."""

import contextlib
import copy
import json
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from gan_study.search_spaces.optuna_adapter import distributions, suggest
from gan_study.search_spaces.space import Space
from gan_study.study.plan.storage_url import without_secrets
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.record import Milestone, SearchStep, TrialRecord
from gan_study.trainables.runtime.storage import retry

# A space whose points are all taken is given up on after as many tries; a larger one repeats itself less often.
ATTEMPTS = 50

_SQLITE_WANTS_ROLLBACK = "attempt to write a readonly database"

T = TypeVar("T")

_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}

optuna.logging.set_verbosity(logging.WARNING)


class ToldTrial(FrozenTrial):
    """A search trial as the sampler is told of it.

    A study copies the trials that it is given: a thousand, to their depths, in a tenth of a second. What has ended
    is not altered, so its number is all that two studies need two of.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> "ToldTrial":
        return copy.copy(self)


def to_optuna(space: Space, record: TrialRecord) -> ToldTrial:
    """A search trial that has ended as the sampler is told of it."""
    frozen = _frozen(space, record)
    return ToldTrial(
        number=frozen.number,
        trial_id=-1,
        state=frozen.state,
        value=frozen.value,
        datetime_start=frozen.datetime_start,
        datetime_complete=frozen.datetime_complete,
        params=frozen.params,
        distributions=frozen.distributions,
        user_attrs=frozen.user_attrs,
        system_attrs=frozen.system_attrs,
        intermediate_values=frozen.intermediate_values,
    )


@dataclass(frozen=True, kw_only=True)
class SuggestionRequest:
    """All that a suggestion depends on.

    `fixed` holds the keys that are not Optuna's to choose; `first` the point to begin with, if any. `history` are
    the search trials that may be learnt from, `taken` the points that were suggested before.
    """

    space: Space
    number: int
    seed: int
    startup_trials: int
    fixed: Mapping[str, Scalar]
    first: Mapping[str, Scalar] | None
    history: Sequence[ToldTrial]
    taken: frozenset[str]


def suggestion(request: SuggestionRequest) -> dict[str, Scalar] | None:
    """The point to try as search trial `number`; None where no untried point is found.

    A pure function: a study that is killed and resumed, or run on another number of machines, tries the same
    points. Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et al. 2018).
    """
    points = (_attempt(request, attempt) for attempt in range(ATTEMPTS))
    return next((point for point in points if point_id(point) not in request.taken), None)


def point_id(point: Mapping[str, Scalar]) -> str:
    """A name for a point of a space."""
    return json.dumps(dict(point), sort_keys=True)


def _attempt(request: SuggestionRequest, attempt: int) -> dict[str, Scalar]:
    with warnings.catch_warnings():
        # Multivariate and grouped TPE have been "experimental" since Optuna 2.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=derive_seed(request.seed, "suggestion", request.number, attempt) % 2**32,
            n_startup_trials=request.startup_trials,
            multivariate=True,
            group=True,
        )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(request.history)
    begin = request.first if attempt == 0 and request.first is not None else request.fixed
    study.enqueue_trial(dict(begin))
    return suggest(request.space, study.ask())


def _frozen(space: Space, record: TrialRecord) -> FrozenTrial:
    assert record.search is not None
    return _shown(
        space,
        record.trial_id,
        record.search,
        state=_STATES[record.status],
        value=_value(record),
        intermediate_values={m.epoch: m.objective for m in record.milestones},
    )


def _shown(
    space: Space,
    trial_id: str,
    step: SearchStep,
    *,
    state: TrialState,
    value: float | None = None,
    intermediate_values: dict[int, float] | None = None,
) -> FrozenTrial:
    params = dict(step.params)
    return create_trial(
        state=state,
        value=value,
        params=params,
        distributions=distributions(space, params),
        user_attrs={"trial_id": trial_id, "number": step.number},
        intermediate_values=intermediate_values,
    )


def search_of(space: Space, records: Iterable[TrialRecord]) -> optuna.Study:
    """The search that `records` tell of as an Optuna study in memory."""
    study = optuna.create_study(direction="maximize")
    study.add_trials(_frozen(space, record) for record in records)
    return study


def _value(record: TrialRecord) -> float | None:
    return record.objective if record.status == "complete" else None


class StorageUnavailableError(UserError):
    """Optuna's storage does not answer, or cannot write: that may pass."""


class OptunaView:
    """The search in an Optuna storage, for optuna-dashboard and Optuna's own plots.

    A view of the records: it is made anew from them when a study is resumed, so that it never says otherwise.
    A storage that fails is tried again for `patience_seconds`, though not to open it.
    """

    def __init__(self, *, storage: str, study_name: str, space: Space, patience_seconds: float = 0.0) -> None:
        self._space = space
        self._patience_seconds = patience_seconds
        self._url = without_secrets(storage)
        with self._storage_errors():
            self._storage = optuna.storages.get_storage(storage)
        self._name = study_name
        # Each trial's number in the storage.
        self._running: dict[str, int] = {}

    def rebuild(self, records: Iterable[TrialRecord]) -> None:
        """Replace what the storage holds of this study by `records`."""
        searched = sorted((record for record in records if record.search is not None), key=_number)
        self._retry(lambda: self._rebuild(searched))

    def _rebuild(self, searched: Iterable[TrialRecord]) -> None:
        if self._name in optuna.study.get_all_study_names(self._storage):
            optuna.delete_study(study_name=self._name, storage=self._storage)
        study = optuna.create_study(study_name=self._name, storage=self._storage, direction="maximize")
        study.add_trials(_frozen(self._space, record) for record in searched)

    def started(self, trial_id: str, step: SearchStep) -> None:
        """Show a search trial as running.

        In one transaction: asked for and described step by step, a trial would wait for the disk ten times.
        """
        shown = _shown(self._space, trial_id, step, state=TrialState.RUNNING)

        def show() -> int:
            study_id = self._storage.get_study_id_from_name(self._name)
            return self._storage.create_new_trial(study_id, template_trial=shown)

        self._running[trial_id] = self._retry(show)

    def reached(self, trial_id: str, milestone: Milestone) -> None:
        """Show a milestone of a running trial."""
        number = self._running[trial_id]
        self._retry(
            lambda: self._storage.set_trial_intermediate_value(number, milestone.epoch, milestone.objective)
        )

    def finished(self, record: TrialRecord) -> None:
        """Show a trial as complete, pruned or failed."""
        number, value = self._running.pop(record.trial_id), _value(record)
        values = None if value is None else [value]
        self._retry(lambda: self._storage.set_trial_state_values(number, _STATES[record.status], values))

    def _retry(self, action: Callable[[], T]) -> T:
        """What `action` gives, tried again while the storage fails: each is one transaction, or begins anew."""

        def attempt() -> T:
            with self._storage_errors():
                return action()

        return retry(
            attempt,
            seconds=self._patience_seconds,
            passes=lambda error: isinstance(error, StorageUnavailableError),
        )

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        """Says in one line what is wrong with the storage; the records are complete without it."""
        try:
            yield
        except (StorageInternalError, SQLAlchemyError, ImportError, ValueError) as error:
            # Optuna's own error is advice about something else.
            cause = error.__cause__ if isinstance(error, StorageInternalError) else error
            kind = StorageUnavailableError if isinstance(cause, OperationalError) else UserError
            raise kind(f"Optuna's storage {self._url}: {_first_line(cause or error)}") from None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where an Optuna storage says something else than the records; `is_late` where it only lags behind them."""

    what: str
    is_late: bool


def differences(*, storage: str, study_name: str, records: Iterable[TrialRecord]) -> Iterator[Difference]:
    """Where a storage disagrees with the records of a study's search; nothing is written to it."""
    try:
        shown = _rows(storage, study_name)
    except KeyError:
        yield Difference(what=f"holds no study {study_name!r}", is_late=True)
        return
    except (StorageInternalError, SQLAlchemyError, ImportError, OSError, ValueError, RuntimeError) as error:
        yield Difference(what=f"cannot be read: {' '.join(str(error).split())}", is_late=False)
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
        elif (row.state, row.value) != (_STATES[record.status], _value(record)):
            said = f"{record.status} with {_value(record)}"
            yield Difference(what=f"{told} with {row.value}, recorded as {said}", is_late=False)
    for trial_id in searched:
        yield Difference(what=f"trial {trial_id}: not there", is_late=True)


def _rows(storage: str, study_name: str) -> list[FrozenTrial]:
    file = re.fullmatch(r"sqlite:///(?!file:)([^?]+)", storage)
    if file is None:
        return _rows_at(storage, study_name)
    try:
        return _rows_at(f"sqlite:///file:{file[1]}?mode=ro&uri=true", study_name)
    except (StorageInternalError, OperationalError) as error:
        # A driver killed within a transaction leaves a journal to be rolled back before anyone reads: in a copy,
        # as nothing is written here. While a driver lives, SQLite knows that its journal is no such rest.
        if _SQLITE_WANTS_ROLLBACK not in f"{error} {error.__cause__}":
            raise
        with tempfile.TemporaryDirectory() as folder:
            copied = [shutil.copy(path, folder) for path in (file[1], f"{file[1]}-journal")]
            return _rows_at(f"sqlite:///{copied[0]}", study_name)


def _rows_at(url: str, study_name: str) -> list[FrozenTrial]:
    opened = optuna.storages.get_storage(url)
    return opened.get_all_trials(opened.get_study_id_from_name(study_name))


def _first_line(error: BaseException) -> str:
    # SQLAlchemy goes on with the statement and its values.
    return str(error).partition("\n")[0]


def _number(record: TrialRecord) -> int:
    assert record.search is not None
    return record.search.number
