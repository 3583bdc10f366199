"""Ranks of methods over tasks (Demšar 2006, "Statistical comparisons of classifiers over multiple data sets")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_study.analysis.inference.estimates import CONFIDENCE
from gan_study.analysis.inference.statistics import holm

# With five tasks the chi-squared approximation of Friedman's test is already rough (Demšar 2006 has exact critical
# values for fewer), and two methods do not need it.
FEWEST_RANKED_TASKS, FEWEST_RANKED_METHODS = 5, 3
# With fewer pairs no two-sided signed-rank test can have a p value of 0.05.
FEWEST_PAIRS = 6


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The ranks of methods by their score in each task; 1 is the best.

    `mean_ranks` begins with the best. `p_value` is that of Friedman's test, that all have the same mean rank. By
    Nemenyi's test methods differ, at 0.05, if their mean ranks are `critical_difference` apart.
    """

    num_tasks: int
    mean_ranks: Mapping[str, float]
    p_value: float
    critical_difference: float


def rank_methods(scores: Mapping[str, Sequence[float]]) -> Ranking | None:
    """The ranks of methods by their scores, one for each task; None if there are too few tasks or methods."""
    table = np.array(list(scores.values()), dtype=float)
    if table.ndim < 2 or table.shape[0] < FEWEST_RANKED_METHODS or table.shape[1] < FEWEST_RANKED_TASKS:
        return None
    number_of_methods, number_of_tasks = table.shape
    means = stats.rankdata(-table, axis=0).mean(axis=1).tolist()
    ranks = dict(zip(scores, means, strict=True))
    return Ranking(
        num_tasks=number_of_tasks,
        mean_ranks=dict(sorted(ranks.items(), key=lambda each: each[1])),
        p_value=float(stats.friedmanchisquare(*table).pvalue),
        critical_difference=critical_difference(methods=number_of_methods, tasks=number_of_tasks),
    )


def alike(ranked: Ranking) -> tuple[tuple[str, ...], ...]:
    """The largest groups of methods that do not differ by Nemenyi's test, the best first; at least two methods
    each.
    """
    names, ranks = list(ranked.mean_ranks), list(ranked.mean_ranks.values())
    reach = [sum(rank < first + ranked.critical_difference for rank in ranks) for first in ranks]
    return tuple(
        tuple(names[first:end])
        for first, end in enumerate(reach)
        if end - first > 1 and (first == 0 or end > reach[first - 1])
    )


def critical_difference(*, methods: int, tasks: int) -> float:
    """Nemenyi's critical difference of two mean ranks at 0.05: q √(k (k + 1) / 6N) (Demšar 2006, section 3.2.2).

    q is the quantile of the studentised range, for k methods and infinitely many degrees of freedom, over √2.
    """
    quantile = float(stats.studentized_range.ppf(CONFIDENCE, methods, float("inf"))) / 2**0.5
    return quantile * float((methods * (methods + 1) / (6 * tasks)) ** 0.5)


def signed_rank_tests(differences: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Wilcoxon's signed-rank test of each method's differences, with Holm's correction over all of them.

    Demšar 2006, sections 3.1.3 and 3.2.2. Empty if there are fewer than six tasks.
    """
    if not differences or min(map(len, differences.values())) < FEWEST_PAIRS:
        return {}
    found = [float(stats.wilcoxon(values).pvalue) if np.any(values) else 1.0 for values in differences.values()]
    return dict(zip(differences, (step.p_value for step in holm(found)), strict=True))
