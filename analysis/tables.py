"""The tables of a study: numbers for machines (CSV), text for people (Markdown, LaTeX, HTML, terminal)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from gan_study.analysis.aggregate import estimate_of, summarise
from gan_study.analysis.load import Study, records_frame
from gan_study.analysis.markup import to_latex, to_markdown
from gan_study.analysis.provenance import GAINS, SCORES, SEARCH, TRIAL_IDS, Origin, row_sources, with_trial_ids
from gan_study.analysis.select import (
    CONDITION_COLUMNS,
    MAIN_METRIC,
    NO_BALANCING,
    Family,
    condition_of,
    confirmed,
    families,
)
from gan_study.analysis.trial import Trial
from gan_study.analysis.wording import ABSENT, estimate_text, label, number, ratio_text


class Arm(NamedTuple):
    """A method under a condition: what has a row."""

    dataset: str
    classifier: str
    imbalance_ratio: float
    balancer: str


KEYS = list(Arm._fields)
TRIALS_NAME = "trials"


def in_order(arms: Iterable[Arm], kinds: Mapping[str, Family]) -> list[Arm]:
    """By condition, then in the order of the families."""
    return sorted(arms, key=lambda arm: (arm[:3], list(kinds).index(arm.balancer)))


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: `numbers` as they were computed, and `text` as they are read.

    `origin` says which trials a row is made from; `traced` names them.
    """

    name: str
    title: str
    numbers: pd.DataFrame
    text: pd.DataFrame
    origin: Origin = GAINS


@dataclass(frozen=True, kw_only=True)
class TracedTable:
    """A table whose `numbers` name their trials in a last column, and the trial ids behind each row of `text`."""

    name: str
    title: str
    numbers: pd.DataFrame
    text: pd.DataFrame
    sources: tuple[tuple[str, ...], ...]


def traced(table: Table, records: Sequence[Trial]) -> TracedTable:
    """`table` with the trials that each of its rows was made from."""
    return TracedTable(
        name=table.name,
        title=table.title,
        numbers=with_trial_ids(table.numbers, row_sources(table.numbers, records, table.origin)),
        text=table.text,
        sources=tuple(row_sources(table.text, records, table.origin)),
    )


def tables(study: Study) -> tuple[Table, ...]:
    """Every table of the report, in its order."""
    summary = summarise(study.records)
    kinds = families(study.records)
    return (
        Table(
            name="answer",
            title="Test scores by method, the largest gain first",
            numbers=_main_rows(summary),
            text=answer_table(study),
        ),
        _by_ratio("gain", "Gain in minority F1 over no balancing", summary, kinds, MAIN_METRIC, "gain"),
        _by_ratio("minority_recall", "Minority recall", summary, kinds, "minority_recall", "score"),
        _by_ratio("minority_f1", "Minority F1", summary, kinds, MAIN_METRIC, "score"),
        search_table(study),
        _all_metrics(summary, kinds),
    )


def answer_table(study: Study) -> pd.DataFrame:
    """One row for each condition and method: test recall, F1, gain with interval (text), and seeds (a number).

    Sorted by condition, then by mean gain, the largest first; no balancing stands where a gain of 0 does. Data
    set, classifier and ratio are columns only where the study has more than one.
    """
    summary = summarise(study.records)
    rows, cells = _main_rows(summary), _cells(summary)
    text = rows[KEYS].copy()
    for heading, (metric, measure) in _MAIN_COLUMNS.items():
        text[heading] = [cells.get((*key, metric, measure), ABSENT) for key in rows[KEYS].itertuples(index=False)]
    text["Seeds"] = rows["minority_f1_n"].fillna(0).astype(int)
    return headed(without_constants(text))


_MAIN_COLUMNS = {
    "Minority recall": ("minority_recall", "score"),
    "Minority F1": (MAIN_METRIC, "score"),
    "Gain in minority F1": (MAIN_METRIC, "gain"),
}


def _main_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """Recall, F1 and gain side by side as numbers, in the order of the answer table."""
    parts = []
    for metric, measure in _MAIN_COLUMNS.values():
        chosen = summary[(summary["metric"] == metric) & (summary["measure"] == measure)].set_index(KEYS)
        prefix = metric if measure == "score" else f"{metric}_gain"
        parts.append(chosen[["n", "mean", "low", "high"]].add_prefix(f"{prefix}_"))
    rows = pd.concat(parts, axis=1).reset_index()
    rows = rows.assign(rank=rows["minority_f1_gain_mean"].where(rows["balancer"] != NO_BALANCING, 0.0))
    order = [*CONDITION_COLUMNS, "rank", "balancer"]
    ascending = [True] * len(CONDITION_COLUMNS) + [False, True]
    return rows.sort_values(order, ascending=ascending).drop(columns="rank").reset_index(drop=True)


def _cells(summary: pd.DataFrame) -> dict[tuple[object, ...], str]:
    """The text of every estimate by condition, balancer, metric and measure."""
    return {
        (*(row[key] for key in KEYS), row["metric"], row["measure"]): estimate_text(
            estimate_of(row), signed=row["measure"] == "gain"
        )
        for _, row in summary.iterrows()
    }


def _by_ratio(
    name: str, title: str, summary: pd.DataFrame, kinds: Mapping[str, Family], metric: str, measure: str
) -> Table:
    """Methods down, ratios across."""
    numbers = summary[(summary["metric"] == metric) & (summary["measure"] == measure)]
    ratios = sorted(numbers["imbalance_ratio"].unique())
    cells = _cells(numbers)
    rows = [
        [dataset, classifier, balancer]
        + [cells.get((dataset, classifier, ratio, balancer, metric, measure), ABSENT) for ratio in ratios]
        for dataset, classifier in sorted(set(zip(numbers["dataset"], numbers["classifier"], strict=True)))
        for balancer in kinds
        if balancer in set(numbers["balancer"])
    ]
    columns = ["dataset", "classifier", "balancer", *(f"Ratio {ratio_text(ratio)}" for ratio in ratios)]
    text = pd.DataFrame(rows, columns=columns)
    return Table(
        name=name,
        title=title,
        numbers=numbers,
        text=headed(without_constants(text)),
        origin=GAINS if measure == "gain" else SCORES,
    )


def _all_metrics(summary: pd.DataFrame, kinds: Mapping[str, Family]) -> Table:
    """Every metric across, every condition and method down."""
    scores = summary[summary["measure"] == "score"]
    cells = _cells(scores)
    keys = in_order({Arm(*row) for row in scores[KEYS].itertuples(index=False)}, kinds)
    metrics = list(dict.fromkeys(scores["metric"]))
    rows = [[*key, *(cells.get((*key, metric, "score"), ABSENT) for metric in metrics)] for key in keys]
    text = pd.DataFrame(rows, columns=[*KEYS, *map(label, metrics)])
    return Table(name="all_metrics", title="Every metric", numbers=summary, text=headed(without_constants(text)))


def search_table(study: Study) -> Table:
    """What each method's search spent and found, beside what was confirmed.

    The best search gain is the largest of many on one seed and so is flattered; the confirmed gains are not. The
    difference, `flattery` in the CSV, is the selection bias and the step from validation to test images together.
    """
    summary = summarise(study.records, metrics=[MAIN_METRIC])
    validation = summarise(study.records, part="validation", metrics=[MAIN_METRIC])
    cells = {"test": _cells(summary), "validation": _cells(validation)}
    groups = _search_groups(study.records)
    confirmed_gains = _means(summary)
    numbers, rows = [], []
    for key in in_order(groups, families(study.records)):
        spent = _spent(groups[key])
        best, test = spent["best_validation_gain"], confirmed_gains.get(key)
        flattery = None if best is None or test is None else best - test
        numbers.append({**key._asdict(), **spent, "flattery": flattery})
        rows.append(
            {
                **key._asdict(),
                "Search trials": _trials_text(spent),
                "Best validation gain": ABSENT if best is None else number(best, signed=True),
                "Confirmed validation gain": cells["validation"].get((*key, MAIN_METRIC, "gain"), ABSENT),
                "Confirmed test gain": cells["test"].get((*key, MAIN_METRIC, "gain"), ABSENT),
                "Best minus test": ABSENT if flattery is None else number(flattery, signed=True),
            }
        )
    columns = [*KEYS, "Search trials", "Best validation gain", "Confirmed validation gain", "Confirmed test gain"]
    columns += ["Best minus test"]
    return Table(
        name="search",
        title="Search budget, best gain on validation, and what was confirmed",
        numbers=_with_gains(pd.DataFrame(numbers, columns=[*KEYS, *_SPENT, "flattery"]), validation, summary),
        text=headed(without_constants(pd.DataFrame(rows, columns=columns))),
        origin=SEARCH,
    )


def _means(summary: pd.DataFrame) -> dict[Arm, float]:
    """The mean gain of every arm."""
    gains = summary[summary["measure"] == "gain"]
    return {Arm(*row[:-1]): float(row[-1]) for row in gains[[*KEYS, "mean"]].itertuples(index=False)}


_SPENT = ("search_trials", "complete", "pruned", "failed", "best_validation_gain")


def _search_groups(records: Sequence[Trial]) -> dict[Arm, list[Trial]]:
    """The search trials of every condition and method that was searched or confirmed; none for a simple method."""
    groups: dict[Arm, list[Trial]] = {}
    searched = [record for record in records if record.phase == "search"]
    for record in (*searched, *confirmed(records)):
        if record.balancer != NO_BALANCING:
            key = Arm(*condition_of(record), record.balancer)
            groups.setdefault(key, []).extend([record] if record.phase == "search" else [])
    return groups


def _spent(trials: Sequence[Trial]) -> dict[str, float | int | None]:
    by_status = {s: sum(trial.status == s for trial in trials) for s in ("complete", "pruned", "failed")}
    gains = [t.objective for t in trials if t.status == "complete" and t.objective is not None]
    return {"search_trials": len(trials), **by_status, "best_validation_gain": max(gains, default=None)}


def _trials_text(spent: Mapping[str, float | int | None]) -> str:
    lost = [f"{spent[status]} {status}" for status in ("pruned", "failed") if spent[status]]
    return f"{spent['search_trials']}" + (f" ({', '.join(lost)})" if lost else "")


def _with_gains(numbers: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    for part, summary in (("validation", validation), ("test", test)):
        gains = summary[summary["measure"] == "gain"].set_index(KEYS)[["n", "mean", "low", "high"]]
        numbers = numbers.join(gains.add_prefix(f"confirmed_{part}_gain_"), on=KEYS)
    return numbers


def class_count_table(records: Sequence[Trial]) -> Table:
    """Images of each class and part, by data set and ratio; minority classes are marked."""
    rows = []
    for record in _one_per_ratio(records):
        counts = record.class_counts
        assert counts is not None, "only trials with counts are chosen"
        for index, name in enumerate(record.class_names):
            rows.append(
                {
                    "dataset": record.dataset,
                    "imbalance_ratio": record.imbalance_ratio,
                    "class": name,
                    "minority": "yes" if index in record.minority_classes else "no",
                    "available": counts.available[index],
                    "imbalanced": counts.imbalanced[index],
                    "training": counts.training[index],
                    "validation": counts.validation[index],
                    "test": counts.test[index] if counts.test else ABSENT,
                    TRIAL_IDS: record.trial_id,
                }
            )
    columns = ["dataset", "imbalance_ratio", "class", "minority"]
    columns += ["available", "imbalanced", "training", "validation", "test", TRIAL_IDS]
    numbers = pd.DataFrame(rows, columns=columns)
    text = headed(without_constants(numbers.drop(columns=TRIAL_IDS)))
    return Table(name="class_counts", title="Images of each class", numbers=numbers, text=text)


def _one_per_ratio(records: Sequence[Trial]) -> list[Trial]:
    """A record with class counts for each data set and ratio: the smallest seed, confirmed where one is."""
    known = [record for record in records if record.class_counts is not None]
    ranked = sorted(known, key=lambda r: (r.dataset, r.imbalance_ratio, r.phase != "confirm", r.seed))
    first: dict[tuple[str, float], Trial] = {}
    for record in ranked:
        first.setdefault((record.dataset, record.imbalance_ratio), record)
    return list(first.values())


def without_constants(text: pd.DataFrame) -> pd.DataFrame:
    """`text` without the condition columns that say the same in every row."""
    constant = [name for name in CONDITION_COLUMNS if name in text and text[name].nunique() <= 1]
    return text.drop(columns=constant)


def headed(text: pd.DataFrame) -> pd.DataFrame:
    """`text` with its plain column names made headings."""
    return text.rename(columns={name: label(name) for name in text.columns if name.islower()})


def write_tables(study: Study, found: Sequence[TracedTable], folder: Path) -> None:
    """Write each table as .csv (numbers), .md and .tex (text) under `folder`, and every trial as trials.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in found:
        table.numbers.to_csv(folder / f"{table.name}.csv", index=False)
        (folder / f"{table.name}.md").write_text(to_markdown(table.text), encoding="utf-8")
        (folder / f"{table.name}.tex").write_text(to_latex(table.text, title=table.title), encoding="utf-8")
    records_frame(study.records).to_csv(folder / f"{TRIALS_NAME}.csv", index=False)
