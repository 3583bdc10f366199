"""Comparison of studies of several data sets: each method's gain on each data set, and the ranks of the
methods.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.inference.ranks import Ranking, rank_methods, signed_rank_tests
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import MAIN_METRIC, NO_BALANCING, Condition, MethodKind

# What validation chose under each condition, whichever method that was.
CHOSEN: Mapping[MethodKind, str] = {"GAN": "chosen GAN", "simple": "best simple method"}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Mean paired gains in test minority F1 by method and data set, and tests over the data sets.

    A data set counts once, as Demšar (2006) recommends: its gain is the mean over its conditions, and that of a
    condition the mean over its seeds. `left_out` are the methods that some condition lacks.
    """

    datasets: tuple[str, ...]
    kinds: Mapping[str, MethodKind]
    gains: Mapping[str, tuple[float, ...]]
    ranking: Ranking | None
    p_values: Mapping[str, float]
    """P values of signed-rank tests against no balancing, with Holm's correction; empty with few data sets."""
    left_out: tuple[str, ...]


def compare_studies(studies: Sequence[Study]) -> Compared:
    """The methods that were confirmed under every condition of every study, the largest mean gain first."""
    found: dict[str, dict[tuple[int, Condition], float]] = {}
    kinds: dict[str, MethodKind] = {}
    tasks: list[tuple[int, Condition]] = []
    for place, study in enumerate(studies):
        kinds |= select.method_kinds(study.records)
        for condition, gains in _gains(study):
            tasks.append((place, condition))
            for method, gain in gains.items():
                found.setdefault(method, {})[place, condition] = gain
    kinds |= {name: kind for kind, name in CHOSEN.items()}
    datasets = tuple(sorted({condition.dataset for _, condition in tasks}))
    whole = {
        method: tuple(fmean(by_task[task] for task in tasks if task[1].dataset == dataset) for dataset in datasets)
        for method, by_task in found.items()
        if len(by_task) == len(tasks)
    }
    ordered = dict(sorted(whole.items(), key=lambda each: (-fmean(each[1]), each[0])))
    rivals = {name: gains for name, gains in ordered.items() if kinds[name] != "upper bound"}
    # What validation chose is one of them each time, and would be ranked twice.
    ranked = {name: gains for name, gains in rivals.items() if name not in CHOSEN.values()}
    return Compared(
        datasets=datasets,
        kinds=kinds,
        gains=ordered,
        # The gain of no balancing over itself.
        ranking=rank_methods({**ranked, NO_BALANCING: (0.0,) * len(datasets)}) if ranked else None,
        p_values=signed_rank_tests(rivals),
        left_out=tuple(sorted(name for name in found if name not in whole)),
    )


def _gains(study: Study) -> Iterator[tuple[Condition, dict[str, float]]]:
    """The mean paired gain of each method under each condition, and those of what validation chose."""
    frame, kinds = select.paired_gains(study.records, MAIN_METRIC), select.method_kinds(study.records)
    chosen = chosen_methods(study.records)
    for condition in select.conditions(select.confirmed(study.records)):
        means = select.within(frame, condition).groupby("balancer")["value"].mean()
        gains = {str(name): float(gain) for name, gain in means.items()}
        choices = {CHOSEN[kinds[name]]: gains[name] for name in chosen.get(condition, ()) if name in gains}
        if gains:
            yield condition, gains | choices
