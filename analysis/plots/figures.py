"""Every figure of a study, one after another."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from gan_study.analysis.across import across_tasks, ranking, ranking_text
from gan_study.analysis.plots.across import draw_profiles, draw_ranking, profile_data
from gan_study.analysis.plots.confusion import (
    confusion_data,
    confusion_differences,
    draw_confusion,
    draw_confusion_differences,
)
from gan_study.analysis.plots.counts import count_data, draw_counts
from gan_study.analysis.plots.frames import (
    confusion_frame,
    counts_frame,
    estimates_frame,
    losses_frame,
    profiles_frame,
    progress_frame,
    ranking_frame,
    seeds_frame,
    usefulness_frame,
)
from gan_study.analysis.plots.losses import draw_losses, loss_data
from gan_study.analysis.plots.scores import draw_against_ratio, draw_dots, draw_gains, draw_seeds, score_data
from gan_study.analysis.plots.search import draw_budget, draw_progress, progress_data
from gan_study.analysis.plots.slices import draw_slices, slice_data
from gan_study.analysis.plots.style import house_style
from gan_study.analysis.plots.usefulness import draw_usefulness, usefulness_data
from gan_study.analysis.select import (
    NO_BALANCING,
    Condition,
    Task,
    conditions,
    confirmed,
    families,
    under,
)
from gan_study.analysis.trial import Trial
from gan_study.analysis.verdicts import chosen_methods
from gan_study.analysis.wording import ratio_text


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A figure, and the `data` behind it."""

    section: str
    """Where in the report it stands."""
    name: str
    title: str
    alt: str
    """What it shows, in words."""
    data: pd.DataFrame
    figure: Figure

    @property
    def stem(self) -> str:
        """The name of its files, without their endings."""
        return slug(self.name)

    def save(self, kind: str) -> bytes:
        """The figure as a file of a kind, "png" or "svg"."""
        buffer = io.BytesIO()
        # Without a date equal figures are equal files.
        self.figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
        return buffer.getvalue()


def figures(records: Sequence[Trial]) -> Iterator[Plan]:
    """Every figure that the records allow, one at a time, in the style that it is to be saved in."""
    with house_style():
        yield from plans(records)


def plans(records: Sequence[Trial]) -> Iterator[Plan]:
    """Every figure that the records allow, not saved yet."""
    tasks = sorted({condition.task for condition in conditions(records)})
    for task in tasks:
        where = f" on {task.dataset} with {task.classifier}" if len(tasks) > 1 else ""
        yield from _score_plans(records, task, where)
        yield from _usefulness_plans(records, task, where)
        yield from _search_plans(records, task, where)
        yield from _slice_plan(records, task, where)
    yield from _across_plans(records)
    found = conditions(records)
    chosen = chosen_methods(records)
    for condition in found:
        at = f" on {condition.dataset} with {condition.classifier}" if len(tasks) > 1 else ""
        at += f" at imbalance ratio {ratio_text(condition.imbalance_ratio)}" if len(found) > 1 else ""
        yield from _count_plans(records, condition, chosen.get(condition, ()), at)
        yield from _confusion_plans(records, condition, chosen.get(condition, ()), at)
        yield from _loss_plans(records, condition, at)


def _score_plans(records: Sequence[Trial], task: Task, where: str) -> Iterator[Plan]:
    f1 = score_data(records, task)
    if not f1.estimates:
        return
    gains = score_data(records, task, measure="gain")
    if gains.estimates:
        yield Plan(
            section="gain",
            name=f"gain{where}",
            title=f"Gain in test minority F1 over no balancing{where}",
            alt="Mean paired gain of every method with its 95 % interval; numbers in the table of gains.",
            data=estimates_frame(gains),
            figure=draw_gains(gains),
        )
    recall = score_data(records, task, metric="minority_recall")
    if len(f1.ratios) == 1:
        yield Plan(
            section="scores",
            name=f"recall and f1{where}",
            title=f"Test minority recall and F1{where}",
            alt="Mean minority recall and minority F1 of every method with 95 % intervals; numbers in the tables.",
            data=estimates_frame(recall, f1),
            figure=draw_dots(recall, f1),
        )
    else:
        for data in (recall, f1):
            yield Plan(
                section="scores",
                name=f"{data.metric} by ratio{where}",
                title=f"{data.title} against the imbalance ratio{where}",
                alt=f"{data.title} of every method at every ratio with 95 % bands; numbers in the tables.",
                data=estimates_frame(data),
                figure=draw_against_ratio(data),
            )
    yield Plan(
        section="scores",
        name=f"f1 by seed{where}",
        title=f"Test minority F1 of every seed{where}",
        alt="Minority F1 of each seed of every method as dots, above the mean with its 95 % interval.",
        data=seeds_frame(f1),
        figure=draw_seeds(f1),
    )


def _across_plans(records: Sequence[Trial]) -> Iterator[Plan]:
    across = across_tasks(records)
    if across is None:
        return
    kinds, profiles = families(records), profile_data(across)
    yield Plan(
        section="across",
        name="performance profiles",
        title="Performance profiles: the share of runs that gain more than so much",
        alt="For each method the share of its runs, over all conditions, whose gain is above each value.",
        data=profiles_frame(profiles),
        figure=draw_profiles(profiles, kinds),
    )
    ranked = ranking(across)
    if ranked is not None:
        yield Plan(
            section="across",
            name="critical difference",
            title="Critical-difference diagram of mean ranks, the best to the left",
            alt=f"The mean rank of every method, bars over those that do not differ. {ranking_text(ranked)}",
            data=ranking_frame(ranked),
            figure=draw_ranking(ranked, kinds),
        )


def _usefulness_plans(records: Sequence[Trial], task: Task, where: str) -> Iterator[Plan]:
    data = usefulness_data(records, task)
    if data:
        yield Plan(
            section="generated",
            name=f"usefulness{where}",
            title=f"Gain in test minority F1 against the quality of the generated images{where}",
            alt="Mean gain of every method at every ratio against how far its images are from real ones.",
            data=usefulness_frame(data, families(records)),
            figure=draw_usefulness(data, families(records)),
        )


def _search_plans(records: Sequence[Trial], task: Task, where: str) -> Iterator[Plan]:
    data = progress_data(records, task)
    if data:
        yield Plan(
            section="search",
            name=f"search{where}",
            title=f"Search: gain of every trial and the best so far{where}",
            alt="Validation gain of each search trial of every method, and a line for the best so far.",
            data=progress_frame(data),
            figure=draw_progress(data),
        )
    if len(data) > 1:
        yield Plan(
            section="search",
            name=f"search budget{where}",
            title=f"Search budget: the best gain so far of every method{where}",
            alt="The best validation gain so far against the trials of every method, a panel for each ratio.",
            data=progress_frame(data),
            figure=draw_budget(data),
        )


def _slice_plan(records: Sequence[Trial], task: Task, where: str) -> Iterator[Plan]:
    data = slice_data(records, task)
    if len(data):
        yield Plan(
            section="slices",
            name=f"search slices{where}",
            title=f"Gain of every search trial against each parameter{where}",
            alt="Validation gain of each complete search trial against the value of each searched parameter.",
            data=data,
            figure=draw_slices(data),
        )


def _count_plans(
    records: Sequence[Trial], condition: Condition, chosen: tuple[str, ...], at: str
) -> Iterator[Plan]:
    """The counts of the chosen GAN; before anything was confirmed, those of the last method in order."""
    complete = [record for record in under(records, condition) if record.class_counts is not None]
    here = confirmed(complete) or complete
    if not here:
        return
    balancer = chosen[0] if chosen else list(families(here))[-1]
    data = count_data(here, condition, balancer)
    yield Plan(
        section="counts",
        name=f"class counts{at}",
        title=f"Training images of each class before and after {balancer}{at}",
        alt="Bars of the training images of each class before balancing, and real and synthetic ones after it.",
        data=counts_frame(data),
        figure=draw_counts(data),
    )


def _confusion_plans(
    records: Sequence[Trial], condition: Condition, chosen: tuple[str, ...], at: str
) -> Iterator[Plan]:
    here = confirmed(under(records, condition))
    data = confusion_data(here, [NO_BALANCING, *chosen])
    names = next((record.class_names for record in here if record.class_names), ())
    if data:
        yield Plan(
            section="confusion",
            name=f"confusion{at}",
            title=f"Confusion matrices on test images, mean over seeds{at}",
            alt=f"Row-normalised confusion matrices of {', '.join(data)}, averaged over the confirmed seeds.",
            data=confusion_frame(data, names),
            figure=draw_confusion(data, names),
        )
    differences = confusion_differences(data)
    if differences:
        yield Plan(
            section="confusion",
            name=f"confusion differences{at}",
            title=f"Confusion matrices minus that of no balancing{at}",
            alt=f"What {', '.join(differences)} changed in each cell of the confusion matrix of no balancing.",
            data=confusion_frame(differences, names),
            figure=draw_confusion_differences(differences, names),
        )


def _loss_plans(records: Sequence[Trial], condition: Condition, at: str) -> Iterator[Plan]:
    here = under(records, condition)
    data = loss_data(confirmed(here) or here)
    if data:
        yield Plan(
            section="losses",
            name=f"losses{at}",
            title=f"GAN losses, the smallest confirmed seed of each{at}",
            alt="Generator and discriminator loss of each GAN by epoch.",
            data=losses_frame(data),
            figure=draw_losses(data),
        )


def slug(name: str) -> str:
    """`name` as the name of a file."""
    return re.sub(r"[^a-z0-9.]+", "_", name.lower()).strip("_")
