"""How much each searched parameter matters, by Optuna, as a file that the report reads."""

import json
import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from pydantic import JsonValue

from gan_study.search_spaces.space import BALANCER, RATIO, Space
from gan_study.search_spaces.unit_cube import position
from gan_study.study.run.folder import read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import read_records
from gan_study.study.watch.optuna_view import search_of
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import dump, from_json
from gan_study.trainables.base.tunable import Choice, Float, Int, Scalar, contains
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.records.study_header import SearchImportance
from gan_study.trainables.runtime.storage import write_atomically

# With fewer trials the best tenth, which the method looks at, is a single one.
FEWEST_TRIALS = 20
# Numbers of another machine's arithmetic agree so far, but for the rounding of the last.
DECIMALS = 6


def importances(
    space: Space, records: Iterable[TrialRecord], *, is_whole: bool = False
) -> tuple[SearchImportance, ...]:
    """The importance of each parameter in each search of `records`: for one balancer under one condition.

    With `is_whole`, balancers and ratios were searched together and count as parameters; of the other parameters
    only those that all balancers share can be compared. If each balancer has its own range, as for lengths, the
    relative position in the range is used.

    PED-ANOVA (Watanabe et al. 2023): how much the best tenth of the complete trials differs from all of them in a
    parameter, as a share of the sum over all parameters. Only parameters with at least two different values count.
    With fewer than FEWEST_TRIALS, equal gains, or a space that has changed since, there are no numbers, and
    `missing` says why.
    """
    searches = defaultdict[tuple[str, str, float | None, str | None], list[TrialRecord]](list)
    for record in records:
        is_complete = record.status == "complete" and record.objective is not None
        # Gains of further splits, which the last round and the race are tried in, are no match for the others.
        if is_complete and record.search is not None and record.search.is_comparable:
            arm = (None, None) if is_whole else (record.imbalance_ratio, record.balancer)
            searches[record.dataset, record.classifier, *arm].append(record)
    ordered = searches.items() if is_whole else sorted(searches.items())
    return tuple(_measure(space, trials, ratio=key[2], balancer=key[3]) for key, trials in ordered)


def _measure(
    space: Space, trials: Sequence[TrialRecord], *, ratio: float | None, balancer: str | None
) -> SearchImportance:
    """The importances in one search, all of whose trials are complete; of all balancers if `balancer` is None."""
    missing = None
    first = trials[0]
    if not all(
        name in space.parameters and contains(space.parameters[name], value)
        for trial in trials
        if trial.search is not None
        for name, value in trial.search.params.items()
    ):
        missing = "the search space of that name has changed since the search"
    elif balancer is None:
        space, trials = _with_common_ranges(space, trials)
    points = [trial.search.params for trial in trials if trial.search is not None]
    values: dict[str, set[Scalar]] = {}
    for name, value in chain.from_iterable(point.items() for point in points):
        values.setdefault(name, set()).add(value)
    common = set(points[0]).intersection(*points)
    axes = () if balancer is None else (BALANCER, RATIO)
    varied = [name for name in values if len(values[name]) > 1 and name in common and name not in axes]
    if len(trials) < FEWEST_TRIALS:
        missing = f"{len(trials)} of the {FEWEST_TRIALS} complete trials that are needed"
    elif len({trial.objective for trial in trials}) == 1:
        missing = "all trials had the same gain"
    elif not varied:
        missing = missing or "no parameter had two different values"
    return SearchImportance(
        dataset=first.dataset,
        classifier=first.classifier,
        imbalance_ratio=ratio,
        balancer=balancer,
        num_trials=len(trials),
        missing=missing,
        shares={} if missing else _shares(space, trials, varied),
    )


def _with_common_ranges(space: Space, trials: Sequence[TrialRecord]) -> tuple[Space, list[TrialRecord]]:
    """`space` and `trials` with one parameter for each that balancers have ranges of their own for.

    Its value is the place in the balancer's own range, from 0 to 1.
    """
    own = {
        key: key.partition("@")[0]
        for key, domain in space.parameters.items()
        if "@" in key and not isinstance(domain, Choice)
    }
    # A setting that others have a range in common for lies beside these.
    common_ranges = (path for path in set(own.values()) if isinstance(space.parameters.get(path), Float | Int))
    own |= {path: path for path in common_ranges}

    def common(point: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return {
            own.get(key, key): position(space.parameters[key], value) if key in own else value
            for key, value in point.items()
        }

    parameters = {key: domain for key, domain in space.parameters.items() if key not in own}
    parameters |= {path: Float(low=0.0, high=1.0) for path in own.values()}
    changed = [
        replace(trial, search=replace(trial.search, params=common(trial.search.params)))
        for trial in trials
        if trial.search is not None
    ]
    return replace(space, parameters=parameters), changed


def _shares(space: Space, trials: Sequence[TrialRecord], varied: list[str]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = PedAnovaImportanceEvaluator()
        found = get_param_importances(search_of(space, trials), evaluator=evaluator, params=varied)
    return {name: round(share, DECIMALS) for name, share in found.items()}


def write_importances(root: Path) -> None:
    """Write importance.json into the study folder `root`, from its records."""
    content = json.dumps(_found(root), indent=2) + "\n"
    write_atomically(StudyFolder(root).importance, content.encode(), patience_seconds=0.0)


def importance_differences(root: Path) -> Iterator[str]:
    """How importance.json differs from the records; empty if there is no such file."""
    path = StudyFolder(root).importance
    if path.exists() and not _agree(from_json(read_bytes(path)), _found(root)):
        yield f"{path.name}: differs from what Optuna computes from the records"


def _found(root: Path) -> list[JsonValue]:
    config, records = read_manifest(root).config, read_records(StudyFolder(root).records)
    is_whole = config.search.allocation == "adaptive"
    return [dump(each) for each in importances(config.space(), records, is_whole=is_whole)]


def _agree(one: JsonValue, other: JsonValue) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_agree, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0.0, abs_tol=1.5 * 10**-DECIMALS)
    return one == other
