"""A person's edits of `study.json`: applied if they are allowed, and refused otherwise."""

from collections.abc import Sequence
from pathlib import Path

from gan_study.study.plan.changes import MEANT, SEEDS, TRIALS, Edit, is_meant
from gan_study.study.plan.verdict_plan import first_seeds
from gan_study.study.run.folder import Manifest, complete_origin, find_edits_of_manifest, note_edits, read_origin
from gan_study.study.run.more_seeds import take_to_seeds
from gan_study.study.run.more_trials import take_to_trials
from gan_study.trainables.base.settings import ConfigError, parse
from gan_study.trainables.records.study_header import StudyHeader

_SHOWN = 5


def take_in_edits(root: Path) -> Manifest:
    """The manifest of the study in `root` after a person's edits, each of them noted in it as a change.

    Raises ConfigError for an edit of a setting that a study cannot change.
    """
    edits = find_edits_of_manifest(root)
    if edits == []:
        return complete_origin(root)
    refuse_unmeant(root, edits)
    origin = read_origin(root)
    assert edits is not None and origin is not None, "they named the edits"
    carried_out = {edit.key: edit for edit in edits if edit.key in (SEEDS, TRIALS)}
    header = parse(StudyHeader, origin.header, where="")
    manifest = note_edits(root, [edit for edit in edits if edit.key not in carried_out], header)
    if SEEDS in carried_out:
        manifest = take_to_seeds(root, _num_seeds(carried_out[SEEDS], manifest))
    if TRIALS in carried_out:
        manifest = take_to_trials(root, int(str(carried_out[TRIALS].after)))
    return manifest


def refuse_unmeant(root: Path, edits: Sequence[Edit] | None) -> None:
    """Raise ConfigError unless all `edits` of a manifest are allowed; None: nobody knows which."""
    if edits is None:
        raise ConfigError(
            f"{root}: study.json was edited after the study had begun, and the original is not known; a "
            f"study keeps its original settings: undo the edit, or start another study"
        )
    if unmeant := [edit for edit in edits if not is_meant(edit)]:
        shown = [*map(str, unmeant[:_SHOWN]), *([f"{len(unmeant) - _SHOWN} more"] if unmeant[_SHOWN:] else [])]
        raise ConfigError(
            f"{root}: study.json was edited after the study had begun: {', '.join(shown)}; a study "
            f"keeps its original settings: undo the edit, or start another study (may be changed: "
            f"{', '.join(MEANT)})"
        )


def _num_seeds(edit: Edit, manifest: Manifest) -> int:
    seeds, config = edit.after, manifest.config
    assert isinstance(seeds, list), "an allowed edit is a longer list"
    wanted = [*first_seeds(config.confirm, len(seeds), search_seed=config.search.seed)]
    if seeds != wanted:
        raise ConfigError(f"{SEEDS}: {seeds} in study.json; use {wanted}, or `resume --seeds {len(seeds)}`")
    return len(seeds)
