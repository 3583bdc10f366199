"""The driver of a study: its trials, from the first that lacks a record to the last."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gan_study.study.plan import costs
from gan_study.study.plan.config import StudyConfig
from gan_study.study.plan.rounds import Rounds, known_rounds, read_rounds
from gan_study.study.plan.selection import read_selection
from gan_study.study.plan.time_plan import Machine, default_selection, search_trials
from gan_study.study.plan.trials import PlannedTrial, confirmations, is_done, num_trials
from gan_study.study.run.cluster import Room
from gan_study.study.run.folder import Manifest, summarise_study
from gan_study.study.run.going_on import note_cuts
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.options import RunOptions
from gan_study.study.run.place import Place
from gan_study.study.run.prior import read_prior
from gan_study.study.run.record_store import RecordStore, read_records
from gan_study.study.run.result import StudyResult, UnfinishedStudyError
from gan_study.study.run.retention import Retention, best_confirmed
from gan_study.study.run.session import StudySession
from gan_study.study.run.summary_file import write_summary
from gan_study.study.run.time_budget import TimeBudget, no_prediction
from gan_study.study.run.tuner import run_trials
from gan_study.study.watch.journal import Journal, driver_began, rounds_decided
from gan_study.study.watch.optuna_view import OptunaView, differences
from gan_study.study.watch.progress import ProgressDisplay
from gan_study.study.watch.tally import Tally
from gan_study.study.watch.terminal import say
from gan_study.trainables.base.files import full_path, in_shell
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.runtime.logs import logging_to

if TYPE_CHECKING:
    from gan_study.study.watch.tracking import WandbMirror


def drive(
    manifest: Manifest,
    root: Path,
    place: Place,
    machine: Machine | None,
    options: RunOptions,
    check_sole_driver: Callable[[], None],
) -> StudyResult:
    """Run the trials that a study still lacks, and return all its records.

    Raises UnfinishedStudyError if a person stopped it before its end.
    """
    room = place.room
    config, folder = decide_execution(manifest.config, room), StudyFolder(full_path(root))
    view, saved = open_view(manifest, folder), read_rounds(folder.rounds)
    tally = Tally(
        num_workers=room.num_workers,
        num_trials=num_trials(config, saved, read_selection(folder.selection)),
        ends_at=options.ends_at,
    )
    retention = Retention(
        folder, most_bytes=config.resources.cache_gb * 1e9, exported_seed=min(config.confirm.seeds)
    )
    with contextlib.ExitStack() as closing:
        mirrors = closing.enter_context(open_mirrors(manifest, folder, options.console))
        display = closing.enter_context(ProgressDisplay(tally, options.console))
        session = StudySession(
            config,
            folder,
            view=view,
            imbalance_ratios=place.imbalance_ratios,
            budget=_budget(config, saved, machine, room.num_workers, options),
            observers=[Journal(), display, retention, *mirrors],
            on_selection=partial(_save_summary, config, folder),
            on_rounds=partial(_on_rounds, tally, config, folder),
            check_sole_driver=check_sole_driver,
            prior=_prior(manifest),
            study_id=manifest.study_id,
            data=manifest.digests,
        )
        for record in session.records:
            tally.count(record)
        closing.enter_context(logging_to(folder.driver_log))
        _save_summary(config, folder)
        driver_began(
            num_records=len(session.records), num_trials=tally.num_trials.number, num_workers=tally.num_workers
        )
        run_trials(config, folder, session, place.images, room, console=options.console, verbose=options.verbose)
        if session.time_cuts:
            # Trials that were stopped are no longer shown as running.
            view.rebuild(session.records)
    _close(manifest, config, folder, session, tally, options)
    return StudyResult(folder=root, trials=tuple(read_records(folder.records)))


def finish(manifest: Manifest, folder: StudyFolder, records: RecordStore, console: Console) -> None:
    """Finish what a driver that was killed at the very end had left undone."""
    storage = manifest.storage(folder)
    if any(differences(storage=storage, study_name=manifest.unique_name, records=records)):
        open_view(manifest, folder).rebuild(records)
    with open_mirrors(manifest, folder, console):
        _remove_scratch(folder)
    _save_summary(manifest.config, folder)


def decide_execution(config: StudyConfig, room: Room) -> StudyConfig:
    """`config` with the best way to train GANs on the device of a trial, if the setting is "auto"."""
    execution = config.resources.gan_execution.on("cuda" if room.trial["GPU"] > 0 else "cpu")
    return replace(config, resources=replace(config.resources, gan_execution=execution))


def _prior(manifest: Manifest) -> tuple[TrialRecord, ...]:
    """The records of the study whose search informs this one's, if there is one."""
    other = manifest.config.search.from_study
    return () if other is None else read_prior(other, data=manifest.config.data, pool_digest=manifest.digests.pool)


def _on_rounds(tally: Tally, config: StudyConfig, folder: StudyFolder, rounds: Rounds) -> None:
    """Take in that a further round of seeds was decided on, or that none follows."""
    tally.num_trials = num_trials(config, rounds, read_selection(folder.selection))
    _save_summary(config, folder)
    rounds_decided(rounds)


def _close(
    manifest: Manifest,
    config: StudyConfig,
    folder: StudyFolder,
    session: StudySession,
    tally: Tally,
    options: RunOptions,
) -> None:
    """Say why a study ended early, and leave nothing in its folder but results."""
    if session.time_cuts:
        note_cuts(folder.root, manifest, session.time_cuts, budget_seconds=options.time_budget_seconds or 0.0)
    _save_summary(config, folder)
    # Tune takes a Ctrl-C for the end of the study.
    if not session.is_over and not has_all_trials(config, folder, session.records):
        raise UnfinishedStudyError(
            f"{len(session.records)} of {tally.num_trials} trials done; "
            f"`gan-study resume {in_shell(folder.root)}` continues"
        )
    closed = read_selection(folder.selection)
    if closed is not None and closed.why_short is not None:
        ended = f"{closed.num_searched} of {config.search.trials} trials"
        say(options.console, f"The search ended after {ended}: {closed.why_short}")
    _remove_scratch(folder, goes_on=bool(session.time_cuts))


def _budget(
    config: StudyConfig, saved: Rounds | None, machine: Machine | None, num_workers: int, options: RunOptions
) -> TimeBudget:
    if options.time_budget_seconds is None:
        return TimeBudget(seconds=None, num_workers=num_workers)
    arms = config.arms(config.space().balancers)
    first_round = known_rounds(config, saved).rounds[:1]
    confirmed = tuple(confirmations(config, default_selection(config), first_round))
    settings = {(trial.arm.ratio, trial.config.seed) for trial in confirmed}
    num_measuring = sum(map(costs.measures_images, confirmed)) // len(settings)
    predict = no_prediction if machine is None else partial(_predict, machine, num_measuring)
    return TimeBudget(
        seconds=options.time_budget_seconds,
        num_workers=num_workers,
        search=tuple(search_trials(config, len(arms))),
        first_round=confirmed,
        predict=predict,
        machine_slowness=1.0 if machine is None else machine.slowness,
        began_at=options.began_at,
    )


def _predict(machine: Machine, num_measuring: int, trials: Sequence[PlannedTrial]) -> list[float]:
    return list(costs.even_loads(trials, machine.workloads, machine.speeds, num_measuring=num_measuring))


def has_all_trials(config: StudyConfig, folder: StudyFolder, records: RecordStore) -> bool:
    """Whether every trial of the study has a record."""
    closed, saved = read_selection(folder.selection), read_rounds(folder.rounds)
    return is_done(config, record_of=records.get, closed=closed, saved=saved)


def _save_summary(config: StudyConfig, folder: StudyFolder) -> None:
    """Leave what `gan-study status` needs of the plan, which has just changed or come to its end."""
    summary = summarise_study(folder.root)
    write_summary(folder, summary, patience_seconds=config.resources.storage_patience_seconds)


def _remove_scratch(folder: StudyFolder, *, goes_on: bool = False) -> None:
    """Put the states of the GANs that will be exported where they stay, and remove what goes with the study.

    A study that `goes_on` another time keeps the states of its other GANs.
    """
    for record in best_confirmed(read_records(folder.records)):
        states, place = folder.confirmed_gans(record.trial_id), folder.best_gans(record.trial_id)
        if any(states.rglob("*.pt")) and not place.exists():
            place.parent.mkdir(exist_ok=True)
            states.rename(place)
    for scratch in [folder.ray] if goes_on else folder.scratch:
        shutil.rmtree(scratch, ignore_errors=True)


def open_view(manifest: Manifest, folder: StudyFolder) -> OptunaView:
    """The study as Optuna's storage has it."""
    return OptunaView(
        storage=manifest.storage(folder),
        study_name=manifest.unique_name,
        space=manifest.config.space(),
        own_file=folder.optuna if manifest.config.storage is None else None,
        patience_seconds=manifest.config.resources.storage_patience_seconds,
    )


@contextlib.contextmanager
def open_mirrors(manifest: Manifest, folder: StudyFolder, console: Console) -> Iterator["list[WandbMirror]"]:
    """The W&B mirror, if there is one."""
    if manifest.config.wandb.mode == "off":
        yield []
        return
    from gan_study.study.watch.tracking import mirroring  # late: W&B takes half a second

    with mirroring(manifest, folder, say=lambda text: say(console, f"W&B: {text}")) as mirrors:
        yield mirrors
