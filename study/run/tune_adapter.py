"""A study session as Ray Tune sees it: a searcher that hands out its trials, a callback that takes them in."""

import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from ray import tune
from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from gan_study.study.plan.config import ResourceConfig
from gan_study.study.plan.planner import Pause
from gan_study.study.run.folder import StudyFolder
from gan_study.study.run.session import StudySession
from gan_study.trainables.base.settings import dump, parse
from gan_study.trainables.record import Milestone
from gan_study.trainables.runtime.storage import StorageError
from gan_study.trainables.trial.config import dump_trial
from gan_study.trainables.trial.trainable import (
    FAMILY,
    FOLDER,
    GAN_EXECUTION,
    GANS,
    INTERVAL,
    KEPT,
    KEPT_EPOCHS,
    LOG,
    MILESTONE,
    PATIENCE,
    PURPOSE,
    RATIO,
    RECORD,
    STORAGE_ERROR,
    TIME_LIMIT,
    TRIAL,
)

# The key under which a Tune trial's configuration names ours.
TRIAL_ID = "trial_id"
_REASON_LENGTH = 600
# A person hears within a minute that nothing can run.
NOTICE_SECONDS = 50.0


class _Forgotten:
    """Pickled as nothing. Tune pickles all it is given, to restore it later; we restore from the records."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class DeathsAsDeaths(RayActorManager):  # type: ignore[misc]
    """Takes a process that Ray killed for want of memory for one that died: the trial is started again.

    Tune's own (of Ray 2.60) knows a RayActorError alone, which an OutOfMemoryError is not, and ends the study.
    """

    def _actor_task_failed(self, tracked_actor_task: TrackedActorTask, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg=str(exception))
        super()._actor_task_failed(tracked_actor_task, exception)


class SessionSearcher(_Forgotten, Searcher):  # type: ignore[misc]
    """Gives Tune the session's next trial. It keeps nothing: the records do."""

    def __init__(self, session: StudySession, *, folder: str, resources: ResourceConfig) -> None:
        super().__init__()
        self._session = session
        self._folder = folder
        self._resources = resources
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The configuration of the next trial, None to be asked again, or FINISHED."""
        most = self._resources.max_concurrent
        if most is not None and len(self._running) >= most:
            return None
        planned = self._session.next()
        if planned is Pause.DONE:
            return str(Searcher.FINISHED)
        if planned is Pause.WAIT:
            return None
        self._running.add(trial_id)
        folder, name = StudyFolder(Path(self._folder)), planned.config.trial_id
        # Those of a family are for all of it.
        has_its_own = planned.purpose.phase == "confirm" and not planned.family
        return {
            TRIAL_ID: name,
            TRIAL: dump_trial(planned.config),
            PURPOSE: dump(planned.purpose),
            FOLDER: self._folder,
            KEPT: str(folder.kept),
            GANS: str(folder.confirmed_gans(name) if has_its_own else folder.gans),
            KEPT_EPOCHS: sorted(planned.kept_epochs),
            GAN_EXECUTION: dump(self._resources.gan_execution),
            FAMILY: list(planned.family),
            LOG: str(folder.log_of(name)),
            RATIO: self._session.ratio_of(planned),
            TIME_LIMIT: self._resources.trial_time_limit_seconds,
            INTERVAL: self._resources.checkpoint_interval_seconds,
            PATIENCE: self._resources.storage_patience_seconds,
        }

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Make room for another trial; what became of this one, the callback learns."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class PlacementNotice(_Forgotten, tune.Callback):  # type: ignore[misc]
    """Says so whenever trials have been waiting for a machine for `seconds`, and none ran meanwhile.

    `asked` is what each of them asks for, in words.
    """

    def __init__(self, asked: str, *, say: Callable[[str], None], seconds: float = NOTICE_SECONDS) -> None:
        self._asked = asked
        self._say = say
        self._seconds = seconds
        self._since = time.monotonic()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tune looks around, several times a second."""
        states = {trial.status for trial in trials}
        if Trial.RUNNING in states or Trial.PENDING not in states:
            self._since = time.monotonic()
        elif time.monotonic() - self._since >= self._seconds:
            self._since = time.monotonic()
            self._say(
                f"No trial has begun for {self._seconds:g} s: each asks for {self._asked}, and no machine that has"
                " it free is ready. The study goes on by itself as soon as one is."
            )


class SessionCallback(_Forgotten, tune.Callback):  # type: ignore[misc]
    """Tells the session what became of its trials."""

    def __init__(self, session: StudySession) -> None:
        self._session = session

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tune has found room for the trial."""
        self._session.began(trial.config[TRIAL_ID])

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, JsonValue], **info: Any
    ) -> None:
        """A milestone, unless it is the end."""
        if MILESTONE in result:
            milestone = parse(Milestone, result[MILESTONE], where=MILESTONE)
            self._session.reached(trial.config[TRIAL_ID], milestone)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The end, or a stop by the pruner; raises StorageError where the trial could not leave its files."""
        if STORAGE_ERROR in trial.last_result:
            raise StorageError(*trial.last_result[STORAGE_ERROR])
        record = trial.last_result.get(RECORD)
        if record is None:
            self._session.stopped(trial.config[TRIAL_ID])
        else:
            self._session.ended(trial.config[TRIAL_ID], record)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The trial's process or machine died more often than is borne.

        Tune also gives up a trial, however seldom it died, that was just to begin in a process which has run
        others, when that process is lost; such a trial is handed out anew.
        """
        if trial.should_recover() and self._session.hand_out_anew(trial.config[TRIAL_ID]):
            return
        self._session.died(trial.config[TRIAL_ID], _last_words(trial) or "died without a word")


def _last_words(trial: Trial) -> str:
    """How a trial failed last, in Ray's words: the cause, then pages of advice. Empty where it is unknown.

    Read where the driver has noted it, as Tune would have it in the study's folder only with its own state.
    """
    notes = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""
    _, _, words = notes.rpartition("Failure # ")[2].partition("\n")
    return textwrap.shorten(words, width=_REASON_LENGTH, placeholder=" ...")


class LetGo(_Forgotten, tune.Callback):  # type: ignore[misc]
    """Empties the trials that have ended, which Tune keeps to its own end, for tables that nobody asks for.

    With its configuration, its record and statistics of every number in both a trial takes some 200 kB. To be the
    last of the callbacks.
    """

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The trial has been taken in."""
        self._empty(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The trial has been given up, or handed out anew as another."""
        self._empty(trial)

    def _empty(self, trial: Trial) -> None:
        metadata, trial_id = trial.run_metadata, trial.config[TRIAL_ID]
        # Without any result Tune would ask the trial's process for one.
        metadata.last_result = {"done": True}
        for values in (metadata.metric_analysis, metadata.metric_n_steps, trial.evaluated_params, trial.config):
            values.clear()
        trial.config[TRIAL_ID] = trial_id
