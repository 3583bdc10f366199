"""Every chart of a study, in the order of its page."""

from collections.abc import Iterator, Sequence

import pandas as pd

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots import across, gains
from gan_study.analysis.plots.chart import Chart, Sketch, make_chart
from gan_study.analysis.plots.classes import CLASSES, class_frame
from gan_study.analysis.plots.classifier_training import CLASSIFIER, classifier_frame
from gan_study.analysis.plots.confusion import CHANGES, CONFUSION, confusion_frames
from gan_study.analysis.plots.costs import COST, TIMES, cost_frame, time_frame
from gan_study.analysis.plots.counts import COUNTS, count_frame
from gan_study.analysis.plots.gan_training import (
    DISCRIMINATOR_LOSS,
    GENERATOR_LOSS,
    LENGTHS,
    curve_frame,
    length_frame,
)
from gan_study.analysis.plots.image_map import MAP
from gan_study.analysis.plots.ranking import PR, ROC, ranking_frame
from gan_study.analysis.plots.search import BUDGET, FEWEST_SEARCHED, PROGRESS, progress_data
from gan_study.analysis.plots.seeds import SEEDS, seed_frame
from gan_study.analysis.plots.slices import SLICES, slice_data
from gan_study.analysis.plots.spread import SPREAD, spread_frame
from gan_study.analysis.plots.usefulness import USEFULNESS, usefulness_data
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import NO_BALANCING, Task, conditions, method_kinds
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.across import across_tasks, ranking
from gan_study.analysis.wording import ratio_text

# Lines over ratios and a map of them say something once there are two.
FEWEST_RATIOS = 2


def charts(study: Study, places: pd.DataFrame) -> tuple[Chart, ...]:
    """Every chart for which the records, and the `places` of images on their map (`map_frame`), have data."""
    records = study.records
    estimates = gains.estimate_frame(study)
    gained = estimates[(estimates["measure"] == "gain") & (estimates["metric"] == "Minority F1")]
    scores = estimates[estimates["measure"] == "score"].drop(columns="measure")
    curves, classes, ranked = curve_frame(records), class_frame(records), ranking_frame(records)
    shares, changes = confusion_frames(records)
    f1 = scores[scores["metric"] == "Minority F1"]
    sketches: tuple[tuple[Sketch, pd.DataFrame], ...] = (
        (gains.GAIN_MAP, _of_ratios(gained)),
        (gains.IMAGES, gains.images_frame(classes)),
        (gains.F1_BY_RATIO, _of_ratios(f1)),
        (gains.RECALL_BY_RATIO, _of_ratios(scores[scores["metric"] == "Minority recall"])),
        (CLASSES, classes),
        (CONFUSION, shares),
        (CHANGES, changes),
        (ROC, ranked[ranked["curve"] == "ROC"]),
        (PR, ranked[ranked["curve"] == "PR"]),
        (SEEDS, seed_frame(study, f1)),
        (SPREAD, spread_frame(study)),
        (CLASSIFIER, classifier_frame(records)),
        (COST, cost_frame(records)),
        (TIMES, time_frame(records)),
        (LENGTHS, length_frame(records)),
        (gains.DOSE, gains.dose_frame(records)),
        (GENERATOR_LOSS, curves[curves["network"] == "generator"]),
        (DISCRIMINATOR_LOSS, curves[curves["network"] == "discriminator"]),
        (COUNTS, count_frame(records)),
        (MAP, places),
    )
    return (
        *_answer_charts(study, gained),
        *(make_chart(sketch, data) for sketch, data in sketches if len(data)),
        *_task_charts(records),
        *across_charts(records),
    )


def _of_ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame`, or none of its rows where all are of one ratio."""
    return frame if frame["imbalance_ratio"].nunique() >= FEWEST_RATIOS else frame.iloc[:0]


def _tasks(records: Sequence[Trial]) -> dict[Task, str]:
    """Each data set and classifier, and how titles of what is of it end where there are several."""
    tasks = sorted({condition.task for condition in conditions(records)})
    return {task: f" on {task.dataset} with {task.classifier}" if len(tasks) > 1 else "" for task in tasks}


def _answer_charts(study: Study, gained: pd.DataFrame) -> Iterator[Chart]:
    """What the page opens with, by data set and classifier: the gains at one ratio, or lines over several."""
    for task, place in _tasks(study.records).items():
        here = gained[(gained["dataset"] == task.dataset) & (gained["classifier"] == task.classifier)]
        if len(_of_ratios(here)) and len(lines := gains.chosen_data(study, task)):
            yield make_chart(gains.CHOSEN, lines.assign(**task._asdict()), place=place)
        elif len(here):
            chosen = {name for names in chosen_methods(study.records).values() for name in names}
            yield make_chart(gains.GAIN, here.assign(chosen=here["balancer"].isin(chosen)), place=place)


def _task_charts(records: Sequence[Trial]) -> Iterator[Chart]:
    """Charts in whose panels conditions stand side by side, by data set and classifier."""
    for task, place in _tasks(records).items():
        if len(points := usefulness_data(records, task)):
            yield make_chart(USEFULNESS, points, place=place)
        progress, slices = progress_data(records, task), slice_data(records, task)
        if len(progress) < FEWEST_SEARCHED:
            continue
        yield make_chart(PROGRESS, progress, place=place)
        if progress["balancer"].nunique() > 1:
            yield make_chart(BUDGET, progress, place=place)
        if len(slices):
            yield make_chart(SLICES, slices, place=place)


def across_charts(records: Sequence[Trial]) -> Iterator[Chart]:
    """Those of all conditions together."""
    found = across_tasks(records)
    if found is None:
        return
    kinds, ranked = method_kinds(records), ranking(found)
    yield make_chart(across.PROFILES, across.profile_data(found, kinds))
    if ranked is not None:
        yield make_chart(across.RANKS, across.rank_data(ranked, kinds))


def choices(records: Sequence[Trial]) -> dict[str, tuple[str, ...]]:
    """The options of each menu of the page; a menu with one option is left out."""
    values = {
        "dataset": sorted({record.dataset for record in records}),
        "classifier": sorted({record.classifier for record in records}),
        "imbalance_ratio": [ratio_text(ratio) for ratio in sorted({record.imbalance_ratio for record in records})],
        "balancer": sorted({record.balancer for record in records if record.balancer != NO_BALANCING}),
    }
    return {name: tuple(found) for name, found in values.items() if len(found) > 1}
