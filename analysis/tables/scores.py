"""The main tables of a study: answer, scores by ratio, search, every metric, class counts."""

from collections.abc import Mapping, Sequence

import pandas as pd

from gan_study.analysis.comparisons import aggregate, verdicts
from gan_study.analysis.comparisons.aggregate import METRICS, estimate_of, recorded_metrics
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import (
    ARM_COLUMNS,
    CONDITION_COLUMNS,
    MAIN_METRIC,
    NO_BALANCING,
    Arm,
    MethodKind,
)
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import GAINS, SCORES, SEARCH, TRIAL_IDS
from gan_study.analysis.tables.table import PARTS, Table
from gan_study.analysis.wording import ABSENT, estimate_text, label, number, ratio_text


def tables(study: Study) -> tuple[Table, ...]:
    """Every table of the report, in its order."""
    metrics = dict.fromkeys((*METRICS, *recorded_metrics(study.records)))
    summary = verdicts.summarise(study, metrics=tuple(metrics))
    kinds = select.method_kinds(study.records)
    return (
        answer_table(study),
        _by_ratio("gain", "Gain in minority F1 over no balancing", summary, kinds, MAIN_METRIC, "gain"),
        _by_ratio("minority_recall", "Minority recall", summary, kinds, "minority_recall", "score"),
        _by_ratio("minority_f1", "Minority F1", summary, kinds, MAIN_METRIC, "score"),
        search_table(study),
        _all_metrics(summary, kinds),
    )


_MAIN_COLUMNS = {
    "Minority recall": ("minority_recall", "score"),
    "Minority F1": (MAIN_METRIC, "score"),
    "Gain in minority F1": (MAIN_METRIC, "gain"),
}


def answer_table(study: Study) -> Table:
    """One row for each condition and method: test recall, F1, gain with interval, and seeds.

    Sorted by condition, then by mean gain, the largest first; no balancing is at a gain of 0.
    """
    summary = verdicts.summarise(study)
    numbers, cells = _main_rows(summary), _cells(summary)
    rows = numbers[ARM_COLUMNS].copy()
    arms = list(rows.itertuples(index=False))
    for heading, (metric, measure) in _MAIN_COLUMNS.items():
        rows[heading] = [cells.get((*arm, metric, measure), ABSENT) for arm in arms]
    rows["Seeds"] = numbers["minority_f1_n"].fillna(0).astype(int)
    return Table(name="answer", title="Test scores by method, the largest gain first", numbers=numbers, rows=rows)


def _main_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """Recall, F1 and gain side by side as numbers, in the order of the answer table."""
    parts = [
        _estimates(summary, metric, measure, prefix=metric if measure == "score" else f"{metric}_gain")
        for metric, measure in _MAIN_COLUMNS.values()
    ]
    rows = pd.concat(parts, axis=1).reset_index()
    rows = rows.assign(rank=rows["minority_f1_gain_mean"].where(rows["balancer"] != NO_BALANCING, 0.0))
    order = [*CONDITION_COLUMNS, "rank", "balancer"]
    ascending = [True] * len(CONDITION_COLUMNS) + [False, True]
    return rows.sort_values(order, ascending=ascending).drop(columns="rank").reset_index(drop=True)


def _estimates(summary: pd.DataFrame, metric: str, measure: str, *, prefix: str) -> pd.DataFrame:
    """The estimates of one metric by condition and method."""
    chosen = summary[(summary["metric"] == metric) & (summary["measure"] == measure)]
    return chosen.set_index(ARM_COLUMNS)[["n", "mean", "low", "high"]].add_prefix(f"{prefix}_")


def _cells(summary: pd.DataFrame) -> dict[tuple[object, ...], str]:
    """The text of every estimate by condition, balancer, metric and measure."""
    return {
        tuple(row[[*ARM_COLUMNS, "metric", "measure"]]): estimate_text(
            estimate_of(row), signed=row["measure"] == "gain"
        )
        for _, row in summary.iterrows()
    }


def _by_ratio(
    name: str, title: str, summary: pd.DataFrame, kinds: Mapping[str, MethodKind], metric: str, measure: str
) -> Table:
    """Methods down, ratios across."""
    numbers = summary[(summary["metric"] == metric) & (summary["measure"] == measure)]
    ratios = sorted(numbers["imbalance_ratio"].unique())
    cells = _cells(numbers)
    rows = [
        [*task, balancer, *(cells.get((*task, ratio, balancer, metric, measure), ABSENT) for ratio in ratios)]
        for task in sorted(set(zip(numbers["dataset"], numbers["classifier"], strict=True)))
        for balancer in kinds
        if balancer in set(numbers["balancer"])
    ]
    columns = ["dataset", "classifier", "balancer", *(f"Ratio {ratio_text(ratio)}" for ratio in ratios)]
    origin = GAINS if measure == "gain" else SCORES
    return Table(name=name, title=title, numbers=numbers, rows=pd.DataFrame(rows, columns=columns), origin=origin)


def _all_metrics(summary: pd.DataFrame, kinds: Mapping[str, MethodKind]) -> Table:
    """Every metric across, every condition and method down."""
    scores = summary[summary["measure"] == "score"]
    cells, order = _cells(scores), list(kinds)
    arms = set(scores[ARM_COLUMNS].itertuples(index=False))
    metrics = list(dict.fromkeys(scores["metric"]))
    rows = [
        [*arm, *(cells.get((*arm, metric, "score"), ABSENT) for metric in metrics)]
        for arm in sorted(arms, key=lambda arm: (*arm[:3], order.index(arm[3])))
    ]
    text = pd.DataFrame(rows, columns=[*ARM_COLUMNS, *map(label, metrics)])
    return Table(name="all_metrics", title="Every metric", numbers=summary, rows=text)


def search_table(study: Study) -> Table:
    """The cost and result of each method's search, compared with the confirmed results.

    The best search gain is the largest of those in the search's split, so it is too optimistic; the confirmed
    gains are not. The difference, `optimism` in the CSV, combines the selection bias and the change from
    validation to test images.
    """
    spent = [{**arm._asdict(), **_spent(trials)} for arm, trials in _search_groups(study.records).items()]
    numbers = pd.DataFrame(spent, columns=[*ARM_COLUMNS, *_SPENT, "optimism"])
    summaries = {part: aggregate.summarise(study.records, part=part, metrics=[MAIN_METRIC]) for part in PARTS}
    for part, summary in summaries.items():
        gains = _estimates(summary, MAIN_METRIC, "gain", prefix=f"confirmed_{part}_gain")
        numbers = numbers.join(gains, on=ARM_COLUMNS)
    cells = _cells(summaries["validation"])
    # The order of the table of results, which has the confirmed test gains.
    numbers = numbers.sort_values(
        [*CONDITION_COLUMNS, "confirmed_test_gain_mean", "balancer"], ascending=[True] * 3 + [False, True]
    ).reset_index(drop=True)
    best = numbers["best_validation_gain"].astype(float)
    numbers["optimism"] = best - numbers["confirmed_test_gain_mean"]
    arms = list(numbers[ARM_COLUMNS].itertuples(index=False))
    rows = numbers[ARM_COLUMNS].assign(
        **{
            "Search trials": [_trials_text(dict(row)) for _, row in numbers.iterrows()],
            "In the search's split": numbers["in_its_split"].tolist(),
            "Best validation gain": [_signed(gain) for gain in best],
            "Confirmed validation gain": [cells.get((*arm, MAIN_METRIC, "gain"), ABSENT) for arm in arms],
            "Best minus test": [_signed(gain) for gain in numbers["optimism"]],
        }
    )
    title = "Search budget, best gain on validation, and how much larger it is than the confirmed test gain"
    return Table(name="search", title=title, numbers=numbers, rows=rows, origin=SEARCH)


_SPENT = ("search_trials", "complete", "pruned", "failed", "in_its_split", "best_validation_gain")


def _signed(gain: float) -> str:
    return ABSENT if pd.isna(gain) else number(gain, signed=True)


def _search_groups(records: Sequence[Trial]) -> dict[Arm, list[Trial]]:
    """The search trials of every condition and method that was searched or confirmed; none for a simple method."""
    searched = [record for record in records if record.phase == "search"]
    known = (*searched, *select.confirmed(records))
    groups = select.by_arm(each for each in known if each.balancer != NO_BALANCING)
    return {arm: [each for each in trials if each.phase == "search"] for arm, trials in groups.items()}


def _spent(trials: Sequence[Trial]) -> dict[str, float | int | None]:
    by_status = {s: sum(trial.status == s for trial in trials) for s in ("complete", "pruned", "failed")}
    alike = select.comparable(trials)
    gains = [t.objective for t in alike if t.status == "complete" and t.objective is not None]
    best = max(gains, default=None)
    return {"search_trials": len(trials), **by_status, "in_its_split": len(alike), "best_validation_gain": best}


def _trials_text(spent: Mapping[str, object]) -> str:
    lost = [f"{spent[status]} {status}" for status in ("pruned", "failed") if spent[status]]
    return f"{spent['search_trials']}" + (f" ({', '.join(lost)})" if lost else "")


def class_count_table(records: Sequence[Trial]) -> Table:
    """Images of each class and part, by data set and ratio; minority classes are marked."""
    columns = ["available", "imbalanced", "training", "validation", "test"]
    rows = [
        (
            *(record.dataset, record.imbalance_ratio, name),
            "yes" if index in record.minority_classes else "no",
            *(counts[index] if (counts := getattr(record.class_counts, part)) else ABSENT for part in columns),
            record.trial_id,
        )
        for record in _one_per_ratio(records)
        for index, name in enumerate(record.class_names)
    ]
    numbers = pd.DataFrame(rows, columns=["dataset", "imbalance_ratio", "class", "minority", *columns, TRIAL_IDS])
    text = numbers.drop(columns=TRIAL_IDS)
    return Table(name="class_counts", title="Images of each class", numbers=numbers, rows=text)


def _one_per_ratio(records: Sequence[Trial]) -> list[Trial]:
    """A record with class counts for each data set and ratio: the smallest seed, confirmed where one is."""
    known = [record for record in records if record.class_counts is not None]
    ranked = sorted(known, key=lambda r: (r.dataset, r.imbalance_ratio, r.phase != "confirm", r.seed))
    first: dict[tuple[str, float], Trial] = {}
    for record in ranked:
        first.setdefault((record.dataset, record.imbalance_ratio), record)
    return list(first.values())
