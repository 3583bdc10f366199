"""What to try next, by Optuna, as a pure function of the records."""

import copy
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from gan_study.search_spaces.optuna_adapter import distribution, suggest
from gan_study.search_spaces.space import Space
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.record import SearchStep, TrialRecord

# A space whose points are all taken is given up on after as many tries; a larger one repeats itself less often.
ATTEMPTS = 50

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}

optuna.logging.set_verbosity(logging.WARNING)


class ToldTrial(FrozenTrial):
    """A search trial as the sampler is told of it.

    A study copies the trials that it is given: a thousand, to their depths, in a tenth of a second. What has ended
    is not altered, so its number is all that two studies need two of.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> "ToldTrial":
        return copy.copy(self)


def to_optuna(space: Space, trial_id: str, step: SearchStep, record: TrialRecord | None = None) -> ToldTrial:
    """A search trial as the sampler is told of it, and a storage shows it: running unless it has a record."""
    params = dict(step.params)
    trial = create_trial(
        state=TrialState.RUNNING if record is None else STATES[record.status],
        value=None if record is None else value_of(record),
        params=params,
        distributions={key: distribution(space.parameters[key]) for key in params},
        user_attrs={"trial_id": trial_id, "number": step.number},
        intermediate_values={m.epoch: m.objective for m in record.milestones} if record else None,
    )
    # create_trial checks what it is given, but makes no subclass.
    trial.__class__ = ToldTrial
    return cast(ToldTrial, trial)


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


def value_of(record: TrialRecord) -> float | None:
    """What Optuna maximises; None unless the trial is complete."""
    return record.objective if record.status == "complete" else None
