"""Methods over all conditions of a study together: each condition (data set, classifier and ratio) is a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gan_study.analysis.inference.ranks import Ranking, alike, rank_methods
from gan_study.analysis.inference.statistics import LEVEL, interquartile_interval, performance_profile
from gan_study.analysis.records import select
from gan_study.analysis.records.select import NO_BALANCING, Condition, method_kinds
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, interval_text, listing, number

FEWEST_TASKS = 2


@dataclass(frozen=True, kw_only=True)
class Across:
    """The paired gains in test minority F1 of the methods that were confirmed in every task.

    `gains[method]` has the gains of each task's seeds, in the order of `tasks`. `left_out` are the methods that
    some task lacks: means over different tasks cannot be compared.
    """

    tasks: tuple[Condition, ...]
    gains: Mapping[str, tuple[tuple[float, ...], ...]]
    left_out: tuple[str, ...]


def across_tasks(records: Sequence[Trial]) -> Across | None:
    """The gains over all tasks; None if there are fewer than two, or no method was confirmed in all."""
    found: dict[str, dict[Condition, tuple[float, ...]]] = {}
    kinds = method_kinds(records)
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
    """The ranks of the methods, including no balancing; None if there are too few tasks or methods."""
    means = {name: [sum(seeds) / len(seeds) for seeds in by_task] for name, by_task in across.gains.items()}
    # The gain of no balancing over itself.
    return rank_methods({**means, NO_BALANCING: [0.0] * len(across.tasks)})


def across_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """One table, a row for each method, the largest interquartile mean first; none with fewer than two tasks."""
    across = across_tasks(records)
    if across is None:
        return ()
    ranked = ranking(across)
    ranks = ranked.mean_ranks if ranked else {}
    kinds = method_kinds(records)
    numbers = pd.DataFrame(
        [
            {
                "balancer": name,
                "kind": kinds[name],
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
    """The tests over the conditions of one study, as a few sentences."""
    return (
        f"{friedman_text(ranked, of='conditions')} Ratios of one data set are not independent data "
        f"sets, so this applies only to the conditions of this study."
    )


def friedman_text(ranked: Ranking, *, of: str) -> str:
    """The results of Friedman's and Nemenyi's tests over tasks, which are called `of`."""
    same = ranked.p_value >= LEVEL
    finding = "no evidence that the methods differ in rank" if same else "the methods differ in rank"
    together = [listing(names) for names in alike(ranked)]
    told = f" Not distinguishable: {'; '.join(together)}." if together and not same else ""
    return (
        f"Friedman's test over {ranked.num_tasks} {of}: {finding} (p = {ranked.p_value:.2g}). By Nemenyi's test "
        f"methods differ if their mean ranks are {ranked.critical_difference:.2f} apart.{told}"
    )
