"""How a study that ran out of time continues: the changes of its folder from one time plan to the next."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gan_study.study.plan.rounds import read_rounds, write_rounds
from gan_study.study.plan.selection import choice_settings
from gan_study.study.plan.time_plan import Plan
from gan_study.study.run.folder import Manifest, change_time_plan
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import read_records
from gan_study.trainables.base.settings import dump
from gan_study.trainables.records.study_header import TimePlan


def reopen_rounds(folder: StudyFolder) -> None:
    """Allow further rounds of seeds that were skipped for lack of time."""
    rounds = read_rounds(folder.rounds)
    if rounds is not None and rounds.end == "time budget":
        write_rounds(folder.rounds, replace(rounds, end=None))


def go_on_as(root: Path, manifest: Manifest, plan: Plan, time_plan: TimePlan | None) -> Manifest:
    """The manifest of the study in `root` when it continues as `plan`; unchanged if it already does.

    A search that continues is reopened: at the end the choice is made again, from all its trials.
    """
    folder, config = StudyFolder(root), manifest.config
    if plan.config == config and time_plan == manifest.time_plan:
        return manifest
    if choice_settings(config) != choice_settings(plan.config) or _is_search_cut(manifest, folder):
        # First: a study that is killed in between chooses again from the same records.
        folder.selection.unlink(missing_ok=True)
    return change_time_plan(root, plan.config, time_plan)


def note_cuts(root: Path, manifest: Manifest, cuts: Sequence[str], *, budget_seconds: float) -> Manifest:
    """The manifest of the study in `root` with a note of what there was no time for."""
    plan = manifest.time_plan or TimePlan(budget_seconds=budget_seconds, asked=dump(manifest.config))
    return change_time_plan(root, manifest.config, replace(plan, cut=tuple(cuts)))


def _is_search_cut(manifest: Manifest, folder: StudyFolder) -> bool:
    """Whether the search ended before its last trial for want of time."""
    num_searched = sum(record.search is not None for record in read_records(folder.records))
    return manifest.time_plan is not None and num_searched < manifest.config.search.trials
