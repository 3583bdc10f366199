"""Methods over all conditions of a study together: each condition (data set, classifier and ratio) is a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from gan_study.analysis.inference.estimates import CONFIDENCE
from gan_study.analysis.inference.statistics import LEVEL, interquartile_interval, performance_profile
from gan_study.analysis.records import select
from gan_study.analysis.records.select import NO_BALANCING, Condition, families
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, interval_text, number

FEWEST_TASKS = 2
# With five tasks the chi-squared approximation of Friedman's test is already rough (Demšar 2006 has exact critical
# values for fewer), and two methods do not need it.
FEWEST_RANKED_TASKS, FEWEST_RANKED_METHODS = 5, 3


@dataclass(frozen=True, kw_only=True)
class Across:
    """The paired gains in test minority F1 of the methods that were confirmed in every task.

    `gains[method]` has the gains of each task's seeds, in the order of `tasks`. `left_out` are the methods that
    some task lacks: means over other tasks do not compare.
    """

    tasks: tuple[Condition, ...]
    gains: Mapping[str, tuple[tuple[float, ...], ...]]
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The ranks of methods, no balancing among them, by their mean score in each task; 1 is the best.

    `mean_ranks` begins with the best. `p_value` is that of Friedman's test, that all have the same mean rank. By
    Nemenyi's test methods differ, at 0.05, whose mean ranks are `critical_difference` apart.
    """

    num_tasks: int
    mean_ranks: Mapping[str, float]
    p_value: float
    critical_difference: float


def across_tasks(records: Sequence[Trial]) -> Across | None:
    """The gains over all tasks; None where there are fewer than two, or no method was confirmed in all."""
    found: dict[str, dict[Condition, tuple[float, ...]]] = {}
    kinds = families(records)
    gains = select.paired_gains(records, select.MAIN_METRIC)
    for condition in select.conditions(records):
        for method, values in select.within(gains, condition).groupby("balancer")["value"]:
            if kinds[str(method)] != "upper bound":
                found.setdefault(str(method), {})[condition] = tuple(values)
    tasks = tuple(sorted({condition for by_task in found.values() for condition in by_task}))
    whole = {name: found[name] for name in kinds if len(found.get(name, ())) == len(tasks) > 0}
    if len(tasks) < FEWEST_TASKS or not whole:
        return None
    return Across(
        tasks=tasks,
        gains={name: tuple(by_task[task] for task in tasks) for name, by_task in whole.items()},
        left_out=tuple(name for name in found if name not in whole),
    )


def ranking(across: Across) -> Ranking | None:
    """The ranks of the methods; None where tasks or methods are too few to rank."""
    means = pd.DataFrame(
        {name: [sum(seeds) / len(seeds) for seeds in by_task] for name, by_task in across.gains.items()}
    )
    # The gain of no balancing over itself.
    means[NO_BALANCING] = 0.0
    number_of_tasks, number_of_methods = means.shape
    if number_of_tasks < FEWEST_RANKED_TASKS or number_of_methods < FEWEST_RANKED_METHODS:
        return None
    ranks = means.rank(axis=1, ascending=False).mean()
    return Ranking(
        num_tasks=number_of_tasks,
        mean_ranks={str(name): float(rank) for name, rank in ranks.sort_values().items()},
        p_value=float(stats.friedmanchisquare(*(means[name] for name in means)).pvalue),
        critical_difference=critical_difference(methods=number_of_methods, tasks=number_of_tasks),
    )


def alike(ranked: Ranking) -> tuple[tuple[str, ...], ...]:
    """The largest groups of methods of which no two differ by Nemenyi's test, the best first; two at least."""
    names, ranks = list(ranked.mean_ranks), list(ranked.mean_ranks.values())
    reach = [sum(rank < first + ranked.critical_difference for rank in ranks) for first in ranks]
    return tuple(
        tuple(names[first:end])
        for first, end in enumerate(reach)
        if end - first > 1 and (first == 0 or end > reach[first - 1])
    )


def critical_difference(*, methods: int, tasks: int) -> float:
    """Nemenyi's critical difference of two mean ranks at 0.05: q √(k (k + 1) / 6N) (Demšar 2006, section 3.2.2).

    q is the studentised range's quantile, of k methods and infinitely many degrees of freedom, over √2.
    """
    quantile = float(stats.studentized_range.ppf(CONFIDENCE, methods, float("inf"))) / 2**0.5
    return quantile * float((methods * (methods + 1) / (6 * tasks)) ** 0.5)


def across_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """One table, a row for each method, the largest interquartile mean first; none with fewer than two tasks."""
    across = across_tasks(records)
    if across is None:
        return ()
    ranked = ranking(across)
    ranks = ranked.mean_ranks if ranked else {}
    kinds = families(records)
    numbers = pd.DataFrame(
        [
            {
                "balancer": name,
                "family": kinds[name],
                "tasks": len(across.tasks),
                "runs": sum(map(len, by_task)),
                **interquartile_interval(by_task)._asdict(),
                "share_above_0": float(performance_profile(by_task, [0.0])[0]),
                "mean_rank": ranks.get(name),
            }
            for name, by_task in across.gains.items()
        ]
    ).sort_values(["estimate", "balancer"], ascending=[False, True])
    ends = numbers[["low", "high"]].astype(object).where(numbers[["low", "high"]].notna(), None)
    intervals = zip(numbers["estimate"], ends["low"], ends["high"], strict=True)
    text = pd.DataFrame(
        {
            "balancer": numbers["balancer"],
            "Interquartile mean of the gain": [interval_text(*each) for each in intervals],
            "Runs that gain": numbers["share_above_0"].map("{:.0%}".format),
            "Mean rank": [number(ranks[name]) if name in ranks else ABSENT for name in numbers["balancer"]],
            "tasks": numbers["tasks"],
            "runs": numbers["runs"],
        }
    )
    title = f"Gains in test minority F1 over all {len(across.tasks)} conditions"
    return (Table(name="across", title=title, numbers=numbers, rows=text),)


def ranking_text(ranked: Ranking) -> str:
    """What Friedman's test says, as a sentence or two."""
    same = ranked.p_value >= LEVEL
    finding = "no evidence that the methods differ in rank" if same else "the methods differ in rank"
    return (
        f"Friedman's test over {ranked.num_tasks} conditions: {finding} (p = {ranked.p_value:.2g}). Methods that "
        "a bar joins do not differ by Nemenyi's test, for which mean ranks have to be "
        f"{ranked.critical_difference:.2f} apart. Ratios of one data set are no independent data sets, so this "
        "speaks of this study's conditions alone."
    )
