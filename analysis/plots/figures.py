"""Every figure of a study, one after another."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots import across as over_all
from gan_study.analysis.plots import confusion, scores
from gan_study.analysis.plots.charts import slug
from gan_study.analysis.plots.counts import count_data, draw_counts
from gan_study.analysis.plots.search import draw_budget, draw_progress, progress_data
from gan_study.analysis.plots.slices import draw_slices, slice_data
from gan_study.analysis.plots.style import house_style
from gan_study.analysis.plots.usefulness import draw_usefulness, usefulness_data
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import NO_BALANCING, Task, conditions, confirmed, families, under
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.across import across_tasks, ranking, ranking_text
from gan_study.analysis.wording import ratio_text

# Name -> section, title and text alternative. Title and name are followed by the place that the figure is of.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "gain": (
        "gain",
        "Gain in test minority F1 over no balancing",
        "Mean paired gain of every method with its 95 % interval; numbers in the table of gains.",
    ),
    "recall and f1": (
        "scores",
        "Test minority recall and F1",
        "Mean minority recall and minority F1 of every method with 95 % intervals; numbers in the tables.",
    ),
    "minority_recall by ratio": (
        "scores",
        "Test minority recall against the imbalance ratio",
        "Test minority recall of every method at every ratio with 95 % bands; numbers in the tables.",
    ),
    "minority_f1 by ratio": (
        "scores",
        "Test minority F1 against the imbalance ratio",
        "Test minority F1 of every method at every ratio with 95 % bands; numbers in the tables.",
    ),
    "f1 by seed": (
        "scores",
        "Test minority F1 of every seed",
        "Minority F1 of each seed of every method as dots, above the mean with its 95 % interval.",
    ),
    "usefulness": (
        "generated",
        "Gain in test minority F1 against the quality of the generated images",
        "Mean gain of every method at every ratio against how far its images are from real ones.",
    ),
    "search": (
        "search",
        "Search: gain of every trial in its split, and the best so far",
        "Validation gain of each point and default in the split of the search, and a line for the best so far.",
    ),
    "search budget": (
        "search",
        "Search budget: the best gain so far of every method",
        "The best validation gain so far against the trials in the split of the search, a panel for each ratio.",
    ),
    "search slices": (
        "slices",
        "Gain of every trial in the search's split against each parameter",
        "Validation gain of each complete trial in the split of the search against each searched parameter.",
    ),
    "performance profiles": (
        "across",
        "Performance profiles: the share of runs that gain more than so much",
        "For each method the share of its runs, over all conditions, whose gain is above each value.",
    ),
    "critical difference": (
        "across",
        "Critical-difference diagram of mean ranks, the best to the left",
        "The mean rank of every method, bars over those that do not differ. {finding}",
    ),
    "class counts": (
        "counts",
        "Training images of each class before and after {balancer}",
        "Bars of the training images of each class before balancing, and real and synthetic ones after it.",
    ),
    "confusion": (
        "confusion",
        "Confusion matrices on test images, mean over seeds",
        "Row-normalised confusion matrices of {methods}, averaged over the confirmed seeds.",
    ),
    "confusion differences": (
        "confusion",
        "Confusion matrices minus that of no balancing",
        "What {methods} changed in each cell of the confusion matrix of no balancing.",
    ),
}


# The page and its files have these as charts (`charts.py`); a paper's are as narrow as its columns.
ONLY_IN_PAPER = frozenset(
    {
        "gain",
        "recall and f1",
        "minority_recall by ratio",
        "minority_f1 by ratio",
    }
)
# A search of fewer trials at a ratio has no course to be seen.
FEWEST_SEARCHED = 10


class Place(NamedTuple):
    """What a figure is of, where the study has several."""

    words: str = ""
    """How a title ends."""
    parts: tuple[str, ...] = ()
    """Data set and classifier; of a condition its ratio too."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A figure, and the `data` behind it; it is drawn when it is first asked for."""

    section: str
    """Where in the report it stands."""
    kind: str
    """What it shows, a key of the table of words."""
    place: Place
    title: str
    alt: str
    """What it shows, in words."""
    data: pd.DataFrame
    draw: Callable[[], Figure]

    @cached_property
    def figure(self) -> Figure:
        """The figure, drawn once, though saved as PNG and as SVG."""
        with house_style():
            return self.draw()

    @property
    def stem(self) -> str:
        """The name of its files, without their endings."""
        return slug(self.kind + self.place.words)

    def save(self, kind: str) -> bytes:
        """The figure as a file of a kind, "png" or "svg"."""
        buffer = io.BytesIO()
        with house_style():
            # Without a date equal figures are equal files.
            self.figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
        return buffer.getvalue()


def plans(study: Study) -> Iterator[Plan]:
    """Every figure that the records allow, not drawn yet."""
    records = study.records
    tasks = sorted({condition.task for condition in conditions(records)})
    for task in tasks:
        of_task = Place(f" on {task.dataset} with {task.classifier}", task) if len(tasks) > 1 else Place()
        yield from _score_plans(study, task, of_task)
        yield from _search_plans(records, task, of_task)
    yield from _across_plans(records)
    found = conditions(records)
    chosen = chosen_methods(records)
    for condition in found:
        words = f" on {condition.dataset} with {condition.classifier}" if len(tasks) > 1 else ""
        words += f" at imbalance ratio {ratio_text(condition.imbalance_ratio)}" if len(found) > 1 else ""
        at = Place(words, tuple(map(str, condition)) if len(found) > 1 else ())
        yield from _condition_plans(under(records, condition), chosen.get(condition, ()), at)


def _plan(
    kind: str, place: Place, data: pd.DataFrame, draw: Callable[..., Figure], *drawn: object, **details: str
) -> Plan:
    """A figure of `drawn` with its words, in which `details` have their places."""
    section, title, alt = (text.format(**details) for text in _WORDS[kind])
    drawing = partial(draw, *drawn)
    return Plan(
        section=section, kind=kind, place=place, title=title + place.words, alt=alt, data=data, draw=drawing
    )


def _score_plans(study: Study, task: Task, where: Place) -> Iterator[Plan]:
    f1, recall = scores.score_data(study, task), scores.score_data(study, task, metric="minority_recall")
    gains = scores.score_data(study, task, measure="gain")
    if len(gains.estimates):
        yield _plan("gain", where, gains.estimates, scores.draw_gains, gains)
    if len(f1.ratios) == 1:
        both = pd.concat([recall.estimates, f1.estimates])
        yield _plan("recall and f1", where, both, scores.draw_dots, recall, f1)
    if len(f1.ratios) > 1:
        for data in (recall, f1):
            yield _plan(f"{data.metric} by ratio", where, data.estimates, scores.draw_against_ratio, data)
    if f1.ratios:
        yield _plan("f1 by seed", where, f1.seeds, scores.draw_seeds, f1)
    usefulness = usefulness_data(study.records, task)
    if len(usefulness):
        yield _plan("usefulness", where, usefulness, draw_usefulness, usefulness)


def _search_plans(records: Sequence[Trial], task: Task, where: Place) -> Iterator[Plan]:
    progress, slices = progress_data(records, task), slice_data(records, task)
    if len(progress) < FEWEST_SEARCHED:
        return
    yield _plan("search", where, progress, draw_progress, progress)
    if progress["balancer"].nunique() > 1:
        yield _plan("search budget", where, progress, draw_budget, progress)
    if len(slices):
        yield _plan("search slices", where, slices, draw_slices, slices)


def _across_plans(records: Sequence[Trial]) -> Iterator[Plan]:
    across = across_tasks(records)
    if across is None:
        return
    kinds, profiles, ranked = families(records), over_all.profile_data(across), ranking(across)
    yield _plan("performance profiles", Place(), profiles, over_all.draw_profiles, profiles, kinds)
    if ranked is not None:
        ranks = pd.DataFrame(ranked.mean_ranks.items(), columns=["balancer", "mean_rank"]).assign(
            critical_difference=ranked.critical_difference, num_tasks=ranked.num_tasks
        )
        draw, finding = over_all.draw_ranking, ranking_text(ranked)
        yield _plan("critical difference", Place(), ranks, draw, ranked, kinds, finding=finding)


def _condition_plans(records: Sequence[Trial], chosen: tuple[str, ...], at: Place) -> Iterator[Plan]:
    """The figures of one condition.

    Class counts are those of the chosen GAN; before anything was confirmed, those of the last method in order.
    """
    complete = [record for record in records if record.class_counts is not None]
    counted, tested = confirmed(complete) or complete, confirmed(records)
    if counted:
        # Of the chosen one, unless its arrays cannot be read.
        methods = list(families(counted))
        balancer = next((name for name in chosen if name in methods), methods[-1])
        counts = count_data(counted, balancer)
        yield _plan("class counts", at, counts, draw_counts, counts, balancer=balancer)
    matrices = confusion.confusion_data(tested, [NO_BALANCING, *chosen])
    names = next((record.class_names for record in tested if record.class_names), ())
    for name, data, draw in (
        ("confusion", matrices, confusion.draw_confusion),
        ("confusion differences", confusion.confusion_differences(matrices), confusion.draw_confusion_differences),
    ):
        if data:
            frame = confusion.confusion_frame(data, names)
            yield _plan(name, at, frame, draw, data, names, methods=", ".join(data))
