"""Which waiting trial a free worker gets, and which trial is stopped at a milestone."""

from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from gan_study.study.run.ray_internals import has_worker
from gan_study.study.run.tune_adapter import NotPickled, trial_id_of
from gan_study.trainables.records.record import Milestone
from gan_study.trainables.trial.request import REPORT, TrialReport


class SessionScheduler(NotPickled, FIFOScheduler):  # type: ignore[misc]
    """Gives a free worker the trial that was requested first, and asks which trials continue.

    By default Tune gives a worker the first waiting trial, even if another worker is just starting for that trial,
    which is then killed. Trials shorter than the start of a worker, some seconds, therefore always ran one at a
    time. Here such a trial is left to its own worker.

    `goes_on` is asked about each milestone of a trial, by the trial's id in the study.
    """

    def __init__(self, goes_on: Callable[[str, Milestone], bool]) -> None:
        super().__init__()
        self._goes_on = goes_on

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The first waiting trial for which no worker is starting; None if there is none."""
        trials: Sequence[Trial] = tune_controller.get_trials()
        waiting = (trial for trial in trials if trial.status == Trial.PENDING)
        return next((trial for trial in waiting if not has_worker(tune_controller, trial)), None)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Whether the trial continues; a result without a milestone always does."""
        report: TrialReport = result[REPORT]
        if report.milestone is None or self._goes_on(trial_id_of(trial), report.milestone):
            return str(TrialScheduler.CONTINUE)
        return str(TrialScheduler.STOP)
