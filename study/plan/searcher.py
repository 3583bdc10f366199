"""The next point to try, by Optuna, as a pure function of the records."""

import copy
import json
import logging
import warnings
from collections.abc import Mapping, Sequence, Set
from typing import cast

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from gan_study.search_spaces.optuna_adapter import distribution, suggest
from gan_study.search_spaces.space import Space
from gan_study.search_spaces.unit_cube import near
from gan_study.trainables.base.seeding import derive_seed, numpy_generator
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.records.record import SearchTrial, TrialRecord

# A space whose points are all taken is given up on after as many tries; a larger one repeats itself less often.
ATTEMPTS = 50
# Points around the default before TPE's: with 4, 6 and 10 the gains were alike (docs/benchmarks.md).
NUM_NEAR = 8
# Trials that TPE waits for where Optuna chooses the balancer too, and nothing is near a default: Optuna's default.
NUM_RANDOM = 10

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}

optuna.logging.set_verbosity(logging.WARNING)


class RecordedTrial(FrozenTrial):
    """A search trial as the sampler sees it.

    Optuna deep-copies its trials, a thousand in a tenth of a second. A trial that has ended only changes its
    number, so a shallow copy is enough.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> "RecordedTrial":
        return copy.copy(self)


def to_optuna(space: Space, trial_id: str, step: SearchTrial, record: TrialRecord | None = None) -> RecordedTrial:
    """A search trial as the sampler and the storage see it: running unless it has a record.

    A trial that was stopped early is PRUNED with its intermediate values, and never has a full score.
    """
    params = dict(step.params)
    trial = create_trial(
        state=TrialState.RUNNING if record is None else STATES[record.status],
        value=None if record is None else value_of(record),
        params=params,
        distributions={key: distribution(space.parameters[key]) for key in params},
        user_attrs={"trial_id": trial_id, "number": step.number, "stage": step.stage},
        intermediate_values={m.generator_steps: m.objective for m in record.milestones} if record else None,
    )
    # create_trial checks what it is given, which the constructor does not, but makes no subclass: so the class is
    # changed afterwards. The subclass adds no field.
    trial.__class__ = RecordedTrial
    return cast(RecordedTrial, trial)


def point_near(
    space: Space,
    default: Mapping[str, Scalar],
    *,
    number: int,
    seed: int,
    fixed: Mapping[str, Scalar],
    taken: Set[str],
) -> dict[str, Scalar] | None:
    """A point near the default to try as search trial `number`; None if no untried point is found.

    `fixed` holds balancer and ratio, `taken` the points that were suggested before.
    """
    rng = numpy_generator(seed, "near", number)
    found = (near(space, default, rng, fixed=fixed) for _ in range(ATTEMPTS))
    return next((point for point in found if point_id(point) not in taken), None)


def suggestion(
    space: Space,
    *,
    number: int,
    seed: int,
    startup_trials: int,
    fixed: Mapping[str, Scalar],
    history: Sequence[FrozenTrial],
    taken: Set[str],
) -> dict[str, Scalar] | None:
    """The point to try as search trial `number`, by TPE; None if no untried point is found.

    `fixed` contains the keys that Optuna does not choose. `history` are the search trials to learn from, including
    running ones: the sampler treats these as bad, so that several workers try different points. With fewer than
    `startup_trials` the point is random. `taken` are the points that were suggested before.

    A pure function. Tree-structured Parzen estimator, multivariate and grouped (Bergstra et al. 2011; Falkner et
    al. 2018).
    """
    for attempt in range(ATTEMPTS):
        with warnings.catch_warnings():
            # Multivariate, grouped TPE and the constant liar have been "experimental" since Optuna 2.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            draws = derive_seed(seed, "suggestion", number, attempt) % 2**32
            sampler = optuna.samplers.TPESampler(
                seed=draws, n_startup_trials=startup_trials, multivariate=True, group=True, constant_liar=True
            )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials(history)
        study.enqueue_trial(dict(fixed))
        point = suggest(space, study.ask())
        if point_id(point) not in taken:
            return point
    return None


def point_id(point: Mapping[str, Scalar]) -> str:
    """A name for a point of a space; equal points have the same, as 5 and 5.0 are equal."""
    canonical = {
        key: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for key, value in point.items()
    }
    return json.dumps(canonical, sort_keys=True)


def value_of(record: TrialRecord) -> float | None:
    """What Optuna maximises; None unless the trial is complete."""
    return record.objective if record.status == "complete" else None
