"""Which waiting trial a free worker gets, and early stopping."""

from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from gan_study.study.plan.config import PruningConfig
from gan_study.trainables.trial.request import OBJECTIVE, REQUEST, STEPS, TrialRequest

# Beyond any number of steps that a study would ask for: the GAN's own length ends a trial, not the pruner.
_NO_LIMIT = 10**9


class NewestFirst(FIFOScheduler):  # type: ignore[misc]
    """Gives a worker that has become free the trial that was asked for last.

    Tune by itself gives it the first that waits, and that one may have a worker that is just starting, which is
    killed then. Trials shorter than the start of a worker, some seconds, so ran one at a time for ever.
    The newest trial waits for room, if any does.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The last trial that waits; None where none does."""
        trials: Sequence[Trial] = tune_controller.get_trials()
        return next((trial for trial in reversed(trials) if trial.status == Trial.PENDING), None)


class CellwiseHalving(NewestFirst):
    """One ASHA for each balancer and imbalance: gains at an easy ratio say nothing about those at a hard one."""

    def __init__(self, config: PruningConfig) -> None:
        super().__init__()
        self._config = config
        self._halving: dict[str, ASHAScheduler] = {}

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Enter a trial into its cell's competition."""
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Whether the trial continues; a result without a milestone always does."""
        decide: Callable[..., str] = self._of(trial).on_trial_result
        return decide(tune_controller, trial, result) if STEPS in result else TrialScheduler.CONTINUE

    def _of(self, trial: Trial) -> ASHAScheduler:
        request: TrialRequest = trial.config[REQUEST]
        cell = f"{request.config.balancing.name} {request.config.imbalance}"
        if cell not in self._halving:
            self._halving[cell] = ASHAScheduler(
                time_attr=STEPS,
                metric=OBJECTIVE,
                mode="max",
                max_t=_NO_LIMIT,
                grace_period=self._config.grace_steps,
                reduction_factor=self._config.reduction_factor,
            )
        return self._halving[cell]
