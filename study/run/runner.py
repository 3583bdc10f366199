"""Running a study, here or on a cluster, and continuing one."""

import contextlib
import datetime
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gan_study.study.plan.config import Ratio, StudyConfig, check_study_config
from gan_study.study.plan.rounds import Rounds, read_rounds
from gan_study.study.plan.selection import read_selection
from gan_study.study.plan.trials import is_done, num_first_confirmations, num_trials
from gan_study.study.run import data_checks
from gan_study.study.run.cluster import Room, ray_cluster, room_for_trials
from gan_study.study.run.folder import Manifest, StudyFolder, claim_folder, create_study_folder, read_manifest
from gan_study.study.run.lock import sole_driver
from gan_study.study.run.more_seeds import check_until_decided, take_to_seeds
from gan_study.study.run.prior import read_prior
from gan_study.study.run.record_store import RecordStore, read_records
from gan_study.study.run.result import StudyResult, UnfinishedStudyError
from gan_study.study.run.retention import Retention, best_confirmed
from gan_study.study.run.session import StudySession
from gan_study.study.run.time_budget import TimeBudget
from gan_study.study.run.tuner import run_trials
from gan_study.study.watch.journal import Journal, driver_began, rounds_decided
from gan_study.study.watch.optuna_view import OptunaView, differences
from gan_study.study.watch.progress import ProgressDisplay, Tally
from gan_study.study.watch.terminal import say
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.runtime.environment import versions
from gan_study.trainables.runtime.logs import logging_to
from gan_study.trainables.trial.trainable import share

if TYPE_CHECKING:
    from gan_study.study.watch.tracking import WandbMirror


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a study is run; none of it changes a number."""

    address: str | None = None
    """A Ray cluster's ("auto", "host:port", "ray://host:port"); None runs on this machine alone."""
    time_budget_seconds: float | None = None
    """Closes the search early enough to confirm what it found; no round of further seeds begins that would not fit
    in."""
    verbose: bool = False
    console: Console = field(default_factory=Console)


def run_study(
    config: StudyConfig, *, out: Path | str | None = None, options: RunOptions | None = None
) -> StudyResult:
    """Run the study `config` in the new folder `out`, and give back its records.

    On a cluster the folder must be one that all machines see; by default it is a new one below ./studies. Raises
    UserError, before anything is written, where the configuration or the data cannot do.
    """
    options = options or RunOptions()
    check_study_config(config)
    config = data_checks.with_absolute_paths(config)
    ratios = data_checks.imbalance_ratios(config)
    data_checks.check_objective(config)
    data_checks.check_image_features(config)
    if config.search.from_study is not None:
        read_prior(config.search.from_study)
    for note in data_checks.data_notes(config):
        say(options.console, f"Data: {note}")
    root = Path(out or Path("studies") / f"{config.name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    claim_folder(root)
    with sole_driver(root), ray_cluster(options.address, verbose=options.verbose):
        room = room_for_trials(config.resources, options.address)
        return _run(create_study_folder(root, config, versions()), root, ratios, room, options)


def resume_study(
    root: Path | str, *, options: RunOptions | None = None, seeds: int | None = None, until_decided: bool = False
) -> StudyResult:
    """Continue the study in folder `root`: trials that have a record are not run again, all others are.

    With `seeds` the study is taken to so many seeds in all (see `take_to_seeds`). `until_decided` only checks that
    the study was begun so. Raises StudyInUseError where another process runs it, ConfigError where `seeds` or
    `until_decided` do not go with it.
    """
    root, options = Path(root), options or RunOptions()
    manifest, folder = read_manifest(root), StudyFolder(root)
    with sole_driver(root):
        if until_decided:
            check_until_decided(manifest.config)
        if seeds is not None:
            manifest = take_to_seeds(root, seeds)
        records = RecordStore(folder.records)
        if _is_done(manifest.config, folder, records):
            _finish(manifest, folder, records, options.console)
            return StudyResult(folder=root, trials=tuple(read_records(folder.records)))
        ratios = data_checks.imbalance_ratios(manifest.config)
        data_checks.check_objective(manifest.config)
        with ray_cluster(options.address, verbose=options.verbose):
            room = room_for_trials(manifest.config.resources, options.address)
            return _run(manifest, root, ratios, room, options)


def _finish(manifest: Manifest, folder: StudyFolder, records: RecordStore, console: Console) -> None:
    """Do what a driver that was killed at the very end had left to do."""
    storage = manifest.storage(folder)
    if any(differences(storage=storage, study_name=manifest.unique_name, records=records)):
        _optuna_view(manifest, folder).rebuild(records)
    with _mirrors(manifest, folder, console):
        _keep_results_alone(folder)


def decide_execution(config: StudyConfig, room: Room) -> StudyConfig:
    """`config` with GANs trained as is best on the device that a trial gets, if it leaves that open."""
    execution = config.resources.gan_execution.on("cuda" if room.trial["GPU"] > 0 else "cpu")
    return replace(config, resources=replace(config.resources, gan_execution=execution))


def _run(
    manifest: Manifest, root: Path, ratios: Mapping[Ratio, float], room: Room, options: RunOptions
) -> StudyResult:
    config, folder = decide_execution(manifest.config, room), StudyFolder(root.resolve())
    with contextlib.ExitStack() as closing:
        saved = read_rounds(folder.rounds)
        tally = Tally(num_workers=room.num_workers, num_trials=num_trials(config, saved))

        def on_rounds(rounds: Rounds) -> None:
            tally.num_trials = num_trials(config, rounds)
            rounds_decided(rounds)

        prior = () if config.search.from_study is None else read_prior(config.search.from_study)
        view = _optuna_view(manifest, folder)
        mirrors = closing.enter_context(_mirrors(manifest, folder, options.console))
        session = StudySession(
            config,
            folder,
            view=view,
            imbalance_ratios=ratios,
            budget=TimeBudget(
                seconds=options.time_budget_seconds,
                num_confirmations=num_first_confirmations(config, saved),
                num_workers=tally.num_workers,
            ),
            observers=[
                Journal(),
                closing.enter_context(ProgressDisplay(tally, options.console)),
                Retention(
                    folder, most_bytes=config.resources.cache_gb * 1e9, exported_seed=min(config.confirm.seeds)
                ),
                *mirrors,
            ],
            on_rounds=on_rounds,
            prior=prior,
        )
        for record in session.records:
            tally.count(record)
        closing.enter_context(logging_to(folder.driver_log))
        driver_began(
            num_records=len(session.records), num_trials=tally.num_trials.number, num_workers=tally.num_workers
        )
        images = share(image_source(config.data))
        run_trials(config, folder, session, images, room, console=options.console, verbose=options.verbose)
    # Tune takes a Ctrl-C for the end of the study.
    if not _is_done(config, folder, session.records):
        raise UnfinishedStudyError(
            f"{len(session.records)} of {tally.num_trials} trials are done; `gan-study resume {root}` continues"
        )
    _keep_results_alone(folder)
    return StudyResult(folder=root, trials=tuple(read_records(folder.records)))


def _is_done(config: StudyConfig, folder: StudyFolder, records: RecordStore) -> bool:
    closed, saved = read_selection(folder.selection), read_rounds(folder.rounds)
    return is_done(config, record_of=records.get, closed=closed, saved=saved)


def _keep_results_alone(folder: StudyFolder) -> None:
    """Put the states of the GANs that will be exported where they stay, and remove what goes with the study."""
    for record in best_confirmed(read_records(folder.records)):
        states, place = folder.confirmed_gans(record.trial_id), folder.best_gans(record.trial_id)
        if any(states.rglob("*.pt")) and not place.exists():
            place.parent.mkdir(exist_ok=True)
            states.rename(place)
    for scratch in folder.scratch:
        shutil.rmtree(scratch, ignore_errors=True)


def _optuna_view(manifest: Manifest, folder: StudyFolder) -> OptunaView:
    return OptunaView(
        storage=manifest.storage(folder),
        study_name=manifest.unique_name,
        space=manifest.config.space(),
        patience_seconds=manifest.config.resources.storage_patience_seconds,
    )


@contextlib.contextmanager
def _mirrors(manifest: Manifest, folder: StudyFolder, console: Console) -> Iterator["list[WandbMirror]"]:
    """The W&B mirror, where there is one; it takes in what an earlier driver left, and in the end all is sent."""
    if manifest.config.wandb.mode == "off":
        yield []
        return
    from gan_study.study.watch.tracking import WandbMirror  # late: W&B takes half a second

    mirror = WandbMirror(manifest, folder)
    try:
        mirror.catch_up(read_records(folder.records))
        yield [mirror]
    finally:
        for problem in dict.fromkeys(mirror.close()):
            say(console, f"W&B: {problem}")
