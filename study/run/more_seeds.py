"""Adding seeds to a study: within its plan, or beyond it and marked as such."""

from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from gan_study.study.plan.config import MOST_SEEDS, StudyConfig
from gan_study.study.plan.rounds import Rounds, known_rounds, read_rounds, write_rounds
from gan_study.study.plan.verdict_plan import first_seeds, look_schedule
from gan_study.study.run.folder import Manifest, change_manifest, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.trainables.base.settings import ConfigError


def check_until_decided(config: StudyConfig) -> None:
    """Raise ConfigError if a study was begun with a fixed number of seeds."""
    if config.confirm.until != "decided":
        raise ConfigError(f"--until-decided: {config.name} has a fixed number of seeds; add some with --seeds N")


def take_to_seeds(root: Path, seeds: int) -> Manifest:
    """The manifest of the study in `root` for a next run with `seeds` in total.

    Within the study's plan (`until: decided`, `most_seeds`) rounds continue, since some of the error rate is left.
    Otherwise every arm gets the new seeds in one more round, and `study.json` notes that they were added. Raises
    ConfigError if the study already has as many, if its plan has no look after `seeds`, or if there are too many
    for a study.
    """
    manifest, folder = read_manifest(root), StudyFolder(root)
    config = manifest.config
    confirm, rounds = config.confirm, known_rounds(config, read_rounds(folder.rounds))
    planned = max(rounds.num_seeds, rounds.asked_seeds or 0)
    if seeds <= planned:
        raise ConfigError(f"--seeds {seeds}: the study already has {planned} seeds; ask for more")
    if seeds > MOST_SEEDS:
        raise ConfigError(f"--seeds {seeds}: a study can have at most {MOST_SEEDS} seeds")
    if confirm.until == "decided" and seeds <= confirm.most_seeds:
        _save(folder, config, replace(rounds, end=None, asked_seeds=_check_look(config, seeds)))
        return manifest
    # The rounds first: without them the seeds that are new would be taken for those of the first round.
    _save(folder, config, rounds)
    after: dict[str, JsonValue] = {"seeds": [*first_seeds(confirm, seeds, search_seed=config.search.seed)]}
    if confirm.until == "decided":
        after["most_seeds"] = seeds
    return change_manifest(root, "confirm", after)


def _check_look(config: StudyConfig, seeds: int) -> int:
    """`seeds`, if the plan looks at the gains after so many."""
    looks = look_schedule(config.confirm)
    if seeds not in looks:
        raise ConfigError(
            f"--seeds {seeds}: the study looks at its gains after {', '.join(map(str, looks))} seeds; choose one"
        )
    return seeds


def _save(folder: StudyFolder, config: StudyConfig, rounds: Rounds) -> None:
    write_rounds(folder.rounds, rounds, patience_seconds=config.resources.storage_patience_seconds)
