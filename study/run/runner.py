"""Running a study, here or on a cluster, and going on with one."""

import contextlib
import datetime
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from ray import tune
from ray.tune import TuneError
from ray.tune.execution import tune_controller
from ray.tune.logger import TBXLoggerCallback
from rich.console import Console

from gan_study.study.plan.config import NO_BALANCING, StudyConfig, dump_study, parse_study
from gan_study.study.plan.planner import Ratio, baseline_trials, is_done
from gan_study.study.plan.searcher import OptunaView, differences
from gan_study.study.plan.selection import read_selection
from gan_study.study.run.cluster import Room, in_words, ray_cluster, room_for_trials
from gan_study.study.run.folder import Manifest, StudyFolder, claim_folder, create_study_folder, read_manifest
from gan_study.study.run.lock import sole_driver
from gan_study.study.run.record_store import RecordStore, read_records
from gan_study.study.run.result import StudyResult, UnfinishedStudyError
from gan_study.study.run.retention import Retention, best_confirmed
from gan_study.study.run.scheduling import CellwiseHalving, NewestFirst
from gan_study.study.run.session import Observer, StudySession, TimeBudget
from gan_study.study.run.tune_adapter import (
    DeathsAsDeaths,
    LetGo,
    PlacementNotice,
    SessionCallback,
    SessionSearcher,
)
from gan_study.study.watch.journal import Journal, driver_began
from gan_study.study.watch.progress import ProgressDisplay, Tally
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.data.catalog import data_set, image_source
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE
from gan_study.trainables.image_quality.extractor import inception
from gan_study.trainables.image_quality.features import InceptionFeatures
from gan_study.trainables.runtime.logs import logging_to
from gan_study.trainables.trial.data import prepare
from gan_study.trainables.trial.environment import versions
from gan_study.trainables.trial.trainable import GanStudyTrainable, SharedImages, shared

if TYPE_CHECKING:
    from gan_study.study.watch.tracking import WandbMirror

# A trial whose process or machine dies is started again as often, then recorded as failed.
MAX_RESTARTS = 2


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a study is run; none of it changes a number.

    `address` is a Ray cluster's ("auto", "host:port", "ray://host:port"); None runs on this machine alone.
    `time_budget_seconds` closes the search early enough to confirm what it found.
    """

    address: str | None = None
    time_budget_seconds: float | None = None
    verbose: bool = False
    console: Console = field(default_factory=Console)


def run_study(
    config: StudyConfig, *, out: Path | str | None = None, options: RunOptions | None = None
) -> StudyResult:
    """Run the study `config` in the new folder `out`, and give back its records.

    On a cluster the folder must be one that all machines see. Raises UserError, before anything is written, where
    the configuration or the data cannot do.
    """
    options = options or RunOptions()
    config = with_absolute_paths(parse_study(dump_study(config)))
    ratios = imbalance_ratios(config)
    check_image_features(config)
    for note in data_notes(config):
        options.console.print(f"Data: {note}", markup=False, highlight=False, soft_wrap=True)
    root = Path(out) if out is not None else default_folder(config.name)
    claim_folder(root)
    with sole_driver(root), ray_cluster(options.address, verbose=options.verbose):
        room = room_for_trials(config.resources, options.address)
        return _run(create_study_folder(root, config, versions()), root, ratios, room, options)


def resume_study(root: Path | str, *, options: RunOptions | None = None) -> StudyResult:
    """Go on with the study in folder `root`: trials that have a record are not run again, all others are.

    Raises StudyInUseError where another process runs it.
    """
    root, options = Path(root), options or RunOptions()
    manifest = read_manifest(root)
    with sole_driver(root):
        if is_finished(manifest.config, StudyFolder(root)):
            return _finished(manifest, StudyFolder(root), options)
        ratios = imbalance_ratios(manifest.config)
        with ray_cluster(options.address, verbose=options.verbose):
            room = room_for_trials(manifest.config.resources, options.address)
            return _run(manifest, root, ratios, room, options)


def is_finished(config: StudyConfig, folder: StudyFolder) -> bool:
    """Whether every trial of a study has its record."""
    records = RecordStore(folder.records)
    return is_done(config, record_of=records.get, selected=read_selection(folder.selection))


def imbalance_ratios(config: StudyConfig) -> dict[Ratio, float]:
    """Largest over smallest class count at each of the study's ratios.

    Splits the training pool as every trial will, so that data which cannot do is found before the first trial;
    raises DataError or ConfigError then.
    """
    return {
        trial.cell.ratio: prepare(trial.config, image_source(config.data)).imbalance_ratio
        for trial in baseline_trials(config)
        if trial.cell.balancer == NO_BALANCING
    }


def data_notes(config: StudyConfig) -> tuple[str, ...]:
    """What is worth knowing about the data: images skipped, degraded or found twice.

    Reads the test part too, here and not in any trial, so that a file that cannot be read is found at once.
    """
    source = image_source(config.data)
    return tuple(dict.fromkeys((*source.pool().notes, *source.test().notes)))


def check_image_features(config: StudyConfig) -> None:
    """Raises ConfigError where the weights of Inception cannot be read: now, and not after the search."""
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        inception(choice.weights, torch.device("cpu"))


def default_folder(name: str) -> Path:
    """A folder of its own for each run, below ./studies."""
    return Path("studies") / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


def with_absolute_paths(config: StudyConfig) -> StudyConfig:
    """`config` with the places of files spelt out, since trials run in other processes and folders."""
    looked_for = data_set(config.data).is_looked_for
    root = config.data.root or (os.environ.get(DATA_ENVIRONMENT_VARIABLE) if looked_for else None)
    if root is not None:
        config = replace(config, data=replace(config.data, root=_absolute(root)))
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        choice = replace(choice, weights=_absolute(choice.weights))
        config = replace(config, confirm=replace(config.confirm, image_features=choice))
    return config


def with_way_decided(config: StudyConfig, room: Room) -> StudyConfig:
    """`config` with the way of training GANs that is best for what a trial gets, if it leaves that open."""
    execution = config.resources.gan_execution.on("cuda" if room.trial["GPU"] > 0 else "cpu")
    return replace(config, resources=replace(config.resources, gan_execution=execution))


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def _run(
    manifest: Manifest, root: Path, ratios: Mapping[Ratio, float], room: Room, options: RunOptions
) -> StudyResult:
    config, folder = with_way_decided(manifest.config, room), StudyFolder(root.resolve())
    with contextlib.ExitStack() as closing:
        tally = Tally(num_workers=room.num_workers)
        session = StudySession(
            config,
            folder,
            view=_view(manifest, folder),
            imbalance_ratios=ratios,
            budget=TimeBudget(
                seconds=options.time_budget_seconds,
                num_confirmations=num_confirmations(config),
                num_workers=tally.num_workers,
            ),
            observers=_observers(manifest, folder, tally, options.console, closing),
        )
        tally.expect(session.planner.num_trials(), session.records)
        closing.enter_context(logging_to(folder.driver_log))
        driver_began(num_records=len(session.records), num_trials=tally.num_trials, num_workers=tally.num_workers)
        images = shared(image_source(config.data))
        tuner = _tuner(config, folder, session, images, room, options)
        try:
            tuner.fit()
        except TuneError as error:
            raise reason_of(error) from None
    # Tune takes a Ctrl-C for the end of the study.
    if not is_finished(config, folder):
        raise UnfinishedStudyError(
            f"{len(session.records)} of {tally.num_trials} trials are done; `gan-study resume {root}` goes on"
        )
    _keep_best_gans(folder)
    _remove_scratch(config, folder)
    return StudyResult(folder=root, trials=tuple(read_records(folder.records)))


def _finished(manifest: Manifest, folder: StudyFolder, options: RunOptions) -> StudyResult:
    """A study that has all its records, after what a driver that was killed at the very end had left to do."""
    records = RecordStore(folder.records)
    if any(differences(storage=manifest.storage(folder), study_name=manifest.unique_name, records=records)):
        _view(manifest, folder).rebuild(records)
    with _mirrors(manifest, folder, options.console):
        _keep_best_gans(folder)
        _remove_scratch(manifest.config, folder)
    return StudyResult(folder=folder.root, trials=tuple(read_records(folder.records)))


def _keep_best_gans(folder: StudyFolder) -> None:
    """Put the states of the GANs that will be exported where they stay when the others go."""
    for record in best_confirmed(read_records(folder.records)):
        states, place = folder.confirmed_gans(record.trial_id), folder.best_gans(record.trial_id)
        if any(states.rglob("*.pt")) and not place.exists():
            place.parent.mkdir(exist_ok=True)
            states.rename(place)


def _remove_scratch(config: StudyConfig, folder: StudyFolder) -> None:
    for scratch in folder.scratch:
        if not (config.tensorboard and scratch == folder.ray):
            shutil.rmtree(scratch, ignore_errors=True)


def _view(manifest: Manifest, folder: StudyFolder) -> OptunaView:
    return OptunaView(
        storage=manifest.storage(folder),
        study_name=manifest.unique_name,
        space=manifest.config.space(),
        patience_seconds=manifest.config.resources.storage_patience_seconds,
    )


def reason_of(error: BaseException) -> BaseException:
    """What a person can mend in a chain of errors, a full disk for instance; `error` itself where there is none.

    Tune raises an error of its own, whose message is a traceback, for whatever its callbacks and searcher raise.
    """
    link: BaseException | None = error
    while link is not None and not isinstance(link, OSError | UserError):
        link = link.__cause__ or link.__context__
    return link or error


def num_confirmations(config: StudyConfig) -> int:
    """How many trials the confirmation has."""
    balancers = len(config.simple_balancers()) + len(config.space().balancers)
    return balancers * len(config.ratios()) * len(config.confirm.seeds)


def _observers(
    manifest: Manifest, folder: StudyFolder, tally: Tally, console: Console, closing: contextlib.ExitStack
) -> list[Observer]:
    mirrors = closing.enter_context(_mirrors(manifest, folder, console))
    return [
        Journal(),
        closing.enter_context(ProgressDisplay(tally, console)),
        Retention(
            folder,
            most_bytes=manifest.config.resources.kept_gb * 1e9,
            exported_seed=min(manifest.config.confirm.seeds),
        ),
        *mirrors,
    ]


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
            console.print(f"W&B: {problem}", markup=False, highlight=False, soft_wrap=True)


def _tuner(
    config: StudyConfig,
    folder: StudyFolder,
    session: StudySession,
    images: SharedImages,
    room: Room,
    options: RunOptions,
) -> tune.Tuner:
    # Records are ours; Ray's CSV, JSON and TensorBoard loggers would write every one of them three more times.
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    # Nor is its own state of use to us, all trials anew each time; it is written when the study begins and ends.
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "inf"
    # Tune has no setting for it.
    tune_controller.RayActorManager = DeathsAsDeaths
    if not options.verbose:
        # The newer output prints a banner at any verbosity.
        os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    # A searcher's trials are otherwise asked for one by one, each when the worker of the one before has started:
    # on 16 cores that is a minute. One more than there are workers waits, for the first that becomes free. Where
    # machines are started for what waits, as much waits as may.
    waiting = max(room.num_workers, config.search.lag) if room.grows else room.num_workers
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(waiting + 1)
    resources = tune.PlacementGroupFactory([dict(room.trial)])
    notice = PlacementNotice(in_words(room.trial), say=partial(options.console.print, markup=False))
    pruning = config.search.pruning
    return tune.Tuner(
        tune.with_resources(tune.with_parameters(GanStudyTrainable, images=images), resources),
        tune_config=tune.TuneConfig(
            search_alg=SessionSearcher(session, folder=str(folder.root), resources=config.resources),
            scheduler=NewestFirst() if pruning is None else CellwiseHalving(pruning),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=lambda trial: trial.config["trial_id"],
            trial_dirname_creator=lambda trial: f"{trial.config['trial_id']}-{trial.trial_id}",
        ),
        run_config=tune.RunConfig(
            name=f"{datetime.datetime.now():%Y%m%d-%H%M%S}",
            storage_path=str(folder.ray),
            callbacks=[
                SessionCallback(session),
                notice,
                *([TBXLoggerCallback()] if config.tensorboard else []),
                LetGo(),
            ],
            # A trial that is cut off finds its GAN's state in the study's folder.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MAX_RESTARTS),
            verbose=1 if options.verbose else 0,
        ),
    )
