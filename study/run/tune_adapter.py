"""A study session in the form that Ray Tune needs: a searcher that hands out its trials, and a callback that
receives their results.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from gan_study.study.plan.config import ResourceConfig
from gan_study.study.plan.planner import Pause
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.ray_internals import drop_trial_state
from gan_study.study.run.session import StudySession
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.runtime.environment import code_digest
from gan_study.trainables.runtime.storage import write_atomically
from gan_study.trainables.trial.request import REPORT, REQUEST, TrialLimits, TrialPlaces, TrialReport, TrialRequest
from gan_study.trainables.trial.trainable import BrokenProcessError

# A person hears within a minute that nothing can run.
NOTICE_SECONDS = 50.0


class NotPickled:
    """Pickled as nothing. Tune pickles everything that it gets, to restore it later; this project restores from
    the records.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {}


def trial_id_of(trial: Trial) -> str:
    """The study's id of a Tune trial."""
    request: TrialRequest = trial.config[REQUEST]
    return request.trial_id


class SessionSearcher(NotPickled, Searcher):  # type: ignore[misc]
    """Gives Tune the session's next trial. It stores nothing: the records do.

    Besides one trial for each of `num_workers` workers, one more waits for the first free worker: a trial that is
    requested earlier is based on fewer results. `num_workers` is None if machines are started for waiting trials.
    """

    def __init__(
        self, session: StudySession, folder: StudyFolder, resources: ResourceConfig, *, num_workers: int | None
    ) -> None:
        super().__init__()
        self._mark = uuid.uuid4().hex
        write_atomically(folder.token, self._mark.encode(), patience_seconds=resources.storage_patience_seconds)
        self._session = session
        self._folder = folder
        self._resources = resources
        self._limits = TrialLimits(
            trial_seconds=resources.trial_time_limit_seconds,
            checkpoint_interval_seconds=resources.checkpoint_interval_seconds,
            storage_patience_seconds=resources.storage_patience_seconds,
        )
        self._num_workers = num_workers
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, TrialRequest] | str | None:
        """The request for the next trial; None if Tune should ask again, or FINISHED."""
        most = self._resources.max_concurrent
        if most is not None and len(self._running) >= most:
            return None
        if self._num_workers is not None and self._session.num_waiting > self._num_free():
            return None
        planned = self._session.next()
        if planned is Pause.DONE:
            return str(Searcher.FINISHED)
        if planned is Pause.WAIT:
            return None
        self._running.add(trial_id)
        return {REQUEST: self.request(planned)}

    def _num_free(self) -> int:
        """Workers without a trial, or that are still to start."""
        return max(0, (self._num_workers or 0) - self._session.num_in_workers)

    def request(self, planned: PlannedTrial) -> TrialRequest:
        """The request that a worker gets for a planned trial."""
        folder = self._folder
        # What others wait for lies where they find it; any other confirmed GAN is no other trial's.
        is_alone = planned.purpose.phase == "confirm" and not planned.waits_for
        return TrialRequest(
            config=planned.config,
            purpose=planned.purpose,
            imbalance_ratio=self._session.ratio_of(planned),
            places=TrialPlaces(
                study=folder.root,
                cache=folder.cache,
                gans=folder.confirmed_gans(planned.trial_id) if is_alone else folder.gans,
                log=folder.log_of(planned.trial_id),
                token=folder.token,
                mark=self._mark,
            ),
            limits=replace(self._limits, ends_at=self._session.ends_at),
            checkpoint_steps=planned.checkpoint_steps,
            keeps_gan=planned.keeps_gan,
            execution=planned.execution,
            code=code_digest(),
        )

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Make room for another trial; the callback gets the result of this one."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class NoMachineLeftError(UserError):
    """No machine is left for trials, and none will be added automatically."""

    exit_code = 1


class PlacementNotice(NotPickled, tune.Callback):  # type: ignore[misc]
    """Prints a message whenever trials have been waiting for a machine for `seconds` while none ran.

    `asked` are the resources of a trial, in words. Raises NoMachineLeftError if `has_machine` says that there is
    none, and none will come.
    """

    def __init__(
        self,
        asked: str,
        *,
        say: Callable[[str], None],
        has_machine: Callable[[], bool],
        seconds: float = NOTICE_SECONDS,
    ) -> None:
        self._asked = asked
        self._say = say
        self._has_machine = has_machine
        self._seconds = seconds
        self._since = time.monotonic()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tune calls this several times a second."""
        states = {trial.status for trial in trials}
        if Trial.RUNNING in states or Trial.PENDING not in states:
            self._since = time.monotonic()
        elif time.monotonic() - self._since >= self._seconds:
            self._since = time.monotonic()
            if not self._has_machine():
                raise NoMachineLeftError(
                    "Ray has lost its last machine: its process there was killed, or did not respond "
                    "for too long; "
                    "`gan-study resume DIR` continues"
                )
            self._say(
                f"No trial has started for {self._seconds:g} s: each needs {self._asked}, which no machine has"
                " free. The study continues when a machine has."
            )


class SessionCallback(NotPickled, tune.Callback):  # type: ignore[misc]
    """Tells the session the results of its trials, and releases the data of each when it has ended.

    Tune treats an exception in `on_trial_complete` as a failure of the trial, and asks whether to retry it; so an
    exception that ends the study is raised again there.
    """

    def __init__(self, session: StudySession) -> None:
        self._session = session
        self._fatal: OSError | UserError | None = None

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tune has started the trial."""
        self._session.began(trial_id_of(trial))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The end, or an early stop, or because the study's time is over.

        Raises StorageError if the trial could not write its files, OtherCodeError if the worker refused it.
        """
        try:
            self._take_in(trial_id_of(trial), trial.last_result[REPORT])
        except (OSError, UserError) as error:
            self._fatal = error
            raise
        drop_trial_state(trial)

    def _take_in(self, trial_id: str, report: TrialReport) -> None:
        if (error := report.storage_error or report.refusal) is not None:
            raise error
        if report.is_cut:
            self._session.cut(trial_id)
        elif report.record is None:
            self._session.stopped(trial_id)
        else:
            self._session.ended(report.record)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tune retries a trial; raises exceptions that end the study."""
        if self._fatal is not None:
            raise self._fatal

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The trial's process or machine has died more often than MAX_RESTARTS.

        Tune also gives up a trial, even if it never died before, when it is about to start in a reused process and
        that process is lost; such a trial is rescheduled.
        """
        if self._fatal is not None:
            raise self._fatal
        trial_id = trial_id_of(trial)
        if not (trial.should_recover() and self._session.reschedule(trial_id)):
            self._session.died(trial_id, _last_error(trial) or "died without a word")
        drop_trial_state(trial)


def _last_error(trial: Trial) -> str:
    """How a trial failed last: in the trial's own words where its process was blamed, else in Ray's.

    Empty where it is unknown. Read where the driver has noted it, as Tune would have it in the study's folder only
    with its own state.
    """
    notes = Path(trial.error_file).read_text(encoding="utf-8", errors="replace") if trial.error_file else ""
    _, _, words = notes.rpartition("Failure # ")[2].partition("\n")
    return words.rpartition(f"{BrokenProcessError.__name__}: ")[2]
