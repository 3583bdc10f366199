"""How much each searched parameter matters, by Optuna, as a file that the report reads."""

import json
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from pydantic import JsonValue

from gan_study.search_spaces.space import BALANCER, RATIO, Space
from gan_study.study.run.folder import StudyFolder, read_manifest
from gan_study.study.run.record_store import read_records
from gan_study.study.watch.optuna_view import search_of
from gan_study.trainables.base.settings import dump, from_json
from gan_study.trainables.base.tunable import contains
from gan_study.trainables.record import SearchImportance, TrialRecord
from gan_study.trainables.runtime.storage import write_atomically

# Of fewer the best tenth, which the method looks at, is one trial.
FEWEST_TRIALS = 20
# Numbers of another machine's arithmetic agree so far, but for the rounding of the last.
DECIMALS = 6


def importances(space: Space, records: Iterable[TrialRecord]) -> tuple[SearchImportance, ...]:
    """The importance of each parameter in each search of `records`: of one balancer under one condition.

    PED-ANOVA (Watanabe et al. 2023): how far the best tenth of the complete trials differs from all of them in a
    parameter, as a share of what all parameters add up to. Only parameters that took two values or more count.
    Where there are fewer than FEWEST_TRIALS, all gains are equal, or the space has changed since, there are no
    numbers, and `missing` says why.
    """
    found: dict[tuple[str, str, float, str], list[TrialRecord]] = {}
    for record in records:
        if record.search is not None and record.status == "complete" and record.objective is not None:
            key = (record.dataset, record.classifier, record.imbalance_ratio, record.balancer)
            found.setdefault(key, []).append(record)
    return tuple(
        SearchImportance(
            dataset=dataset,
            classifier=classifier,
            imbalance_ratio=ratio,
            balancer=balancer,
            num_trials=len(trials),
            missing=missing,
            shares={} if missing else _shares(space, trials),
        )
        for (dataset, classifier, ratio, balancer), trials in sorted(found.items())
        for missing in (_why_not(space, trials),)
    )


def _why_not(space: Space, trials: Sequence[TrialRecord]) -> str | None:
    if len(trials) < FEWEST_TRIALS:
        return f"{len(trials)} of the {FEWEST_TRIALS} complete trials that it takes"
    if len({trial.objective for trial in trials}) == 1:
        return "all trials gained the same"
    if not varied_parameters(trials):
        return "no parameter took two values"
    if not all(_lies_in(space, trial) for trial in trials):
        return "the search space of that name is no longer the one that was searched"
    return None


def _lies_in(space: Space, trial: TrialRecord) -> bool:
    params = trial.search.params if trial.search else {}
    return all(
        name in space.parameters and contains(space.parameters[name], value) for name, value in params.items()
    )


def varied_parameters(trials: Sequence[TrialRecord]) -> list[str]:
    """The parameters of `trials` that took two values or more, the balancer and its ratio apart."""
    values: dict[str, set[object]] = {}
    for trial in trials:
        for name, value in (trial.search.params if trial.search else {}).items():
            values.setdefault(name, set()).add(value)
    return [name for name, taken in values.items() if len(taken) > 1 and name not in (BALANCER, RATIO)]


def _shares(space: Space, trials: Sequence[TrialRecord]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = get_param_importances(
            search_of(space, trials), evaluator=PedAnovaImportanceEvaluator(), params=varied_parameters(trials)
        )
    return {name: round(share, DECIMALS) for name, share in found.items()}


def write_importances(root: Path) -> None:
    """Write importance.json into the study folder `root`, from its records."""
    content = json.dumps(_found(root), indent=2) + "\n"
    write_atomically(StudyFolder(root).importance, content.encode(), patience_seconds=0.0)


def importance_differences(root: Path) -> Iterator[str]:
    """What importance.json says otherwise than the records; nothing where there is no such file."""
    path = StudyFolder(root).importance
    if path.exists() and not _agree(from_json(path.read_bytes()), _found(root)):
        yield f"{path.name}: says otherwise than Optuna, asked again about the records"


def _found(root: Path) -> list[JsonValue]:
    config = read_manifest(root).config
    return [dump(each) for each in importances(config.space(), read_records(StudyFolder(root).records))]


def _agree(one: JsonValue, other: JsonValue) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_agree, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0.0, abs_tol=1.5 * 10**-DECIMALS)
    return one == other
