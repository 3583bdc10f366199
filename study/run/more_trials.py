"""Adding trials to a study's search: the settings to confirm are chosen again, from all of them."""

from dataclasses import replace
from pathlib import Path

from gan_study.study.plan.changes import TRIALS, Edit
from gan_study.study.plan.config import StudyConfig, check_study_config
from gan_study.study.plan.decisions import ConfirmFits
from gan_study.study.plan.search_plan import plan_search
from gan_study.study.plan.selection import read_selection
from gan_study.study.run.decision_store import DecisionStore
from gan_study.study.run.folder import Manifest, change_time_plan, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.trainables.base.settings import ConfigError


def with_trials(config: StudyConfig, trials: int) -> StudyConfig:
    """`config` with this number of search `trials`; raises ConfigError if it already has as many, or if none
    would run.
    """
    before = config.search.trials
    if trials <= before:
        raise ConfigError(f"--trials {trials}: the study already has {before} search trials; ask for more")
    more = replace(config, search=replace(config.search, trials=trials))
    check_study_config(more)
    if (why_not := plan_search(more).unsearched) is not None:
        raise ConfigError(f"--trials {trials}: nothing would be searched ({why_not})")
    return more


def take_to_trials(root: Path, trials: int) -> Manifest:
    """The manifest of the study in `root` for a next run with `trials` search trials in total.

    The search is reopened, and `study.json` notes that trials were added. If it chooses the same settings again,
    their confirmed trials are not repeated, since the number of classifier fits does not change. What was left out
    for lack of time no longer is. Raises ConfigError as `with_trials` does.
    """
    manifest, folder = read_manifest(root), StudyFolder(root)
    before = manifest.asked
    config = with_trials(before, trials)
    if (closed := read_selection(folder.selection)) is not None:
        patience = config.resources.storage_patience_seconds
        decided = DecisionStore(folder.decisions, patience_seconds=patience)
        if not any(isinstance(each, ConfirmFits) for each in decided.decisions):
            decided.append(ConfirmFits(fits=closed.fits))
        # Before the manifest: a study that is killed in between chooses the same again from the same records.
        folder.selection.unlink()
    edit = Edit(key=TRIALS, before=before.search.trials, after=trials)
    return change_time_plan(root, config, None, edits=[edit])
