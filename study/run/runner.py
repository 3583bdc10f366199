"""Running a study, here or on a cluster, and continuing one."""

import contextlib
import datetime
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gan_study.study.plan import costs
from gan_study.study.plan.config import Ratio, StudyConfig, check_study_config
from gan_study.study.plan.costs import Workload
from gan_study.study.plan.extensions import plan_on
from gan_study.study.plan.rounds import Rounds, known_rounds, read_rounds
from gan_study.study.plan.selection import read_selection
from gan_study.study.plan.time_plan import (
    Machine,
    Plan,
    Records,
    default_selection,
    forecast_of,
    plan_within,
    search_trials,
)
from gan_study.study.plan.trials import PlannedTrial, confirmations, is_done, num_trials
from gan_study.study.run import data_checks
from gan_study.study.run.callers_process import as_it_was
from gan_study.study.run.cluster import Room, ray_cluster, room_for_trials
from gan_study.study.run.edits import refuse_unmeant, take_in_edits
from gan_study.study.run.failures import forget_failed
from gan_study.study.run.folder import (
    Manifest,
    StudyFolder,
    claim_folder,
    create_study_folder,
    find_edits_of_manifest,
    read_manifest,
)
from gan_study.study.run.going_on import go_on_as, note_cuts, reopen_rounds
from gan_study.study.run.lock import sole_driver
from gan_study.study.run.more_seeds import check_until_decided, take_to_seeds
from gan_study.study.run.more_trials import take_to_trials
from gan_study.study.run.plugins import check_in_workers
from gan_study.study.run.prior import read_prior
from gan_study.study.run.probe import (
    MOST_SECONDS,
    MOST_SHARE_OF_BUDGET,
    SECONDS_BEFORE_RUN,
    ProbeError,
    measure_slowness,
    probe,
)
from gan_study.study.run.record_store import RecordStore, read_records
from gan_study.study.run.result import StudyResult, UnfinishedStudyError
from gan_study.study.run.retention import Retention, best_confirmed
from gan_study.study.run.session import StudySession
from gan_study.study.run.time_budget import TimeBudget, check_budget, no_prediction
from gan_study.study.run.tuner import run_trials
from gan_study.study.watch.journal import Journal, driver_began, rounds_decided
from gan_study.study.watch.optuna_view import OptunaView, differences
from gan_study.study.watch.outlook import SHORTEST_SCALE, Outlook
from gan_study.study.watch.progress import ProgressDisplay, Tally
from gan_study.study.watch.terminal import say
from gan_study.trainables.base.files import full_path, in_shell
from gan_study.trainables.base.settings import DataError, dump
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.record import CODE, COMPARED, TimePlan, differences_from
from gan_study.trainables.runtime.environment import code_digest, machine, versions
from gan_study.trainables.runtime.logs import logging_to
from gan_study.trainables.trial.data import TrialParts
from gan_study.trainables.trial.trainable import SharedImages, share

if TYPE_CHECKING:
    from gan_study.study.watch.tracking import WandbMirror


STARTING_RAY = "Starting Ray"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a study is run; none of it changes a number."""

    address: str | None = None
    """A Ray cluster's ("auto", "host:port", "ray://host:port"); None runs on this machine alone."""
    time_budget_seconds: float | None = None
    """What does not fit in with the report is left out, and `study.json` says what; a later run without a budget
    goes on to it."""
    began_at: float = field(default_factory=time.monotonic)
    """When the budget's time began, by `time.monotonic`."""
    verbose: bool = False
    console: Console = field(default_factory=Console)

    def __post_init__(self) -> None:
        """Refuse a budget in which nothing can be done, or that never ends."""
        if self.time_budget_seconds is not None:
            check_budget(self.time_budget_seconds, where=f"{self.time_budget_seconds:g} s")

    @property
    def ends_at(self) -> float | None:
        """When the budget is used up, by `time.monotonic`; None without one."""
        return None if self.time_budget_seconds is None else self.began_at + self.time_budget_seconds

    def seconds_left(self) -> float | None:
        """What is left of the budget; None without one."""
        return None if self.ends_at is None else self.ends_at - time.monotonic()


def run_study(
    config: StudyConfig, *, out: Path | str | None = None, options: RunOptions | None = None
) -> StudyResult:
    """Run the study `config` in the new folder `out`, and give back its records.

    On a cluster the folder must be one that all machines see; by default it is a new one below ./studies. Raises
    UserError, before anything is written, where the configuration or the data cannot do.
    """
    options = options or RunOptions()
    with _own_process(options.console):
        return _run_study(config, out, options)


def _run_study(config: StudyConfig, out: Path | str | None, options: RunOptions) -> StudyResult:
    root = Path(out or Path("studies") / f"{config.name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    check_study_config(config)
    say(options.console, f"Study: {root}, {num_trials(config, None)} trials")
    data_checks.refuse_output_in_data(data_checks.with_absolute_paths(config).data, root)
    config, parts, read_back = _look_at_data(config, options.console)
    data = data_checks.take_fingerprint(config)
    if config.search.from_study is not None:
        read_prior(config.search.from_study, data=config.data, pool_digest=data.pool_digest)
    claim_folder(root)
    say(options.console, STARTING_RAY)
    with sole_driver(root) as check_sole_driver, ray_cluster(options.address, verbose=options.verbose):
        place = _find_place(config, parts, options)
        machine = _probe(config, place, options, seconds=SECONDS_BEFORE_RUN)
        outlook = _outlook(config, place, machine, options)
        for line in outlook.lines():
            say(options.console, line)
        time_plan = _time_plan(config, outlook.plan, options)
        manifest = create_study_folder(
            root,
            outlook.config,
            versions(),
            data=data,
            time_plan=time_plan,
            read_back=read_back,
        )
        return _run(manifest, root, place, machine, options, check_sole_driver)


def plan_study(config: StudyConfig, *, options: RunOptions | None = None) -> Outlook:
    """What the study `config` will do and how long it takes, by a probe of the machine; nothing is written."""
    options = options or RunOptions()
    with _own_process(options.console):
        return _plan_study(config, options)


def _plan_study(config: StudyConfig, options: RunOptions) -> Outlook:
    config, parts, _ = _look_at_data(config, options.console)
    say(options.console, STARTING_RAY)
    with ray_cluster(options.address, verbose=options.verbose):
        place = _find_place(config, parts, options)
        return _outlook(config, place, _probe(config, place, options), options)


def resume_study(
    root: Path | str,
    *,
    options: RunOptions | None = None,
    seeds: int | None = None,
    trials: int | None = None,
    until_decided: bool = False,
    retry_failed: bool = False,
) -> StudyResult:
    """Continue the study in folder `root`: trials that have a record are not run again, all others are.

    What an earlier run left out for want of time is done now, or what of it fits into a new budget. With `seeds`
    the study is taken to so many seeds in all (see `take_to_seeds`), with `trials` its search to so many trials
    (see `take_to_trials`), and goes on as it is otherwise. `until_decided` only checks that it was begun so; with
    `retry_failed` failed trials are run again.

    Raises StudyInUseError where another process runs it, ConfigError where `seeds`, `trials` or `until_decided` do
    not go with it or `study.json` was edited (see `take_in_edits`), and DataError where its data were changed.
    """
    root, options = Path(root), options or RunOptions()
    with _own_process(options.console):
        return _resume_study(
            root, options, seeds=seeds, trials=trials, until_decided=until_decided, retry_failed=retry_failed
        )


@contextlib.contextmanager
def _own_process(console: Console) -> Iterator[None]:
    """The caller's process for a while, without the variables that were set for other runs."""
    with as_it_was() as foreign:
        if foreign:
            say(console, f"Not for this study, and ignored: {', '.join(foreign)}")
        yield


def _resume_study(
    root: Path,
    options: RunOptions,
    *,
    seeds: int | None,
    trials: int | None,
    until_decided: bool,
    retry_failed: bool,
) -> StudyResult:
    manifest, folder = read_manifest(root), StudyFolder(root)
    with sole_driver(root) as check_sole_driver:
        # Before anything is written.
        refuse_unmeant(root, find_edits_of_manifest(root))
        data_checks.refuse_output_in_data(manifest.config.data, root)
        has_data = _has_data(root, manifest)
        manifest = take_in_edits(root)
        if until_decided:
            check_until_decided(manifest.config)
        reopen_rounds(folder)
        if retry_failed:
            patience = manifest.config.resources.storage_patience_seconds
            say(options.console, f"{forget_failed(folder, patience_seconds=patience)} failed trials are run again")
        if seeds is not None:
            manifest = take_to_seeds(root, seeds)
        if trials is not None:
            manifest = take_to_trials(root, trials)
        if seeds is None and trials is None and options.time_budget_seconds is None:
            manifest = go_on_as(root, manifest, Plan(config=manifest.asked), None)
        records = RecordStore(folder.records)
        asked = manifest.config if seeds is not None else manifest.asked
        if _is_done(asked, folder, records) and manifest.config == asked:
            say(options.console, f"All {len(records)} trials are done; --seeds N or --trials N add further ones")
            _finish(manifest, folder, records, options.console)
            return StudyResult(folder=root, trials=tuple(read_records(folder.records)))
        parts = data_checks.split_data(manifest.config)
        if not has_data:
            # They have been downloaded.
            data_checks.refuse_changed_data(root, manifest, data_checks.take_fingerprint(manifest.config))
        data_checks.check_objective(manifest.config)
        for difference in _find_differences(folder, options):
            say(options.console, f"Note: {difference}; numbers may differ for that reason alone")
        say(options.console, STARTING_RAY)
        with ray_cluster(options.address, verbose=options.verbose):
            place = _find_place(asked, parts, options)
            machine = None if options.time_budget_seconds is None else _probe(asked, place, options)
            if machine is not None:
                plan = _plan_on(manifest, asked, machine, folder, records, options)
                manifest = go_on_as(root, manifest, plan, _time_plan(asked, plan, options))
            return _run(manifest, root, place, machine, options, check_sole_driver)


def _has_data(root: Path, manifest: Manifest) -> bool:
    """Whether the data of a study are there; raises DataError if they are, and have been changed."""
    if manifest.digests.pool is None:
        # An early version wrote none.
        return True
    try:
        now = data_checks.take_fingerprint(manifest.config)
    except DataError:
        return False
    data_checks.refuse_changed_data(root, manifest, now)
    return True


def _find_differences(folder: StudyFolder, options: RunOptions) -> tuple[str, ...]:
    """What further trials will be run with and trials so far were not, as far as it is known here."""
    own = machine() if options.address is None else versions()
    now = {name: own[key] for key, name in COMPARED.items() if key in own}
    return differences_from(read_records(folder.records), {**now, CODE: code_digest()})


def _look_at_data(
    config: StudyConfig, console: Console
) -> tuple[StudyConfig, Mapping[Ratio, TrialParts], tuple[str, ...]]:
    """`config` with the places of its files spelt out, its data as trials split them, and what was read.

    Raises UserError where the configuration or the data cannot do.
    """
    check_study_config(config)
    say(console, "Reading the images")
    config = data_checks.with_absolute_paths(config)
    parts = data_checks.split_data(config)
    data_checks.check_objective(config)
    data_checks.check_parts_of_others(config)
    data_checks.check_networks(config)
    read_back = data_checks.data_lines(config.data, config.imbalance)
    for line in read_back:
        say(console, f"Data: {line}")
    return config, parts, read_back


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a study's trials run, and what on."""

    room: Room
    images: SharedImages
    parts: Mapping[Ratio, TrialParts]

    @property
    def imbalance_ratios(self) -> dict[Ratio, float]:
        """Largest over smallest class count at each of the study's ratios."""
        return {ratio: parts.imbalance_ratio for ratio, parts in self.parts.items()}

    @property
    def workloads(self) -> dict[Ratio, Workload]:
        """How many images a trial has at each of the study's ratios."""
        num_test = sum(self.images.test_counts)
        return {ratio: data_checks.workload(parts, num_test) for ratio, parts in self.parts.items()}


def _find_place(config: StudyConfig, parts: Mapping[Ratio, TrialParts], options: RunOptions) -> _Place:
    room = room_for_trials(config.resources, options.address)
    check_in_workers(config, room)
    return _Place(room=room, images=share(image_source(config.data)), parts=parts)


def _probe(
    config: StudyConfig, place: _Place, options: RunOptions, *, seconds: float = MOST_SECONDS
) -> Machine | None:
    """What trials cost in that place, by a probe of at most so many seconds.

    None where its machines are still to be started, and for a study that takes hardly longer than a probe, if
    nobody asks for its time. Where it fails, ProbeError for those who ask; the others are told why and go on.
    """
    is_asked = seconds == MOST_SECONDS or options.time_budget_seconds is not None
    is_short = config.scale == SHORTEST_SCALE and not is_asked
    if place.room.grows or is_short:
        return None
    if options.time_budget_seconds is not None:
        seconds = min(MOST_SECONDS, MOST_SHARE_OF_BUDGET * options.time_budget_seconds)
    say(options.console, f"Timing a few trainings, {seconds:.0f} s at most")
    try:
        speeds = probe(config, place.images, place.room, seconds=seconds)
    except ProbeError as error:
        if is_asked:
            raise
        say(options.console, f"How long it takes is not known: {error}")
        return None
    return Machine(
        speeds=speeds,
        workloads=place.workloads,
        num_workers=place.room.num_workers,
        slowness=measure_slowness(),
    )


def _outlook(config: StudyConfig, place: _Place, machine: Machine | None, options: RunOptions) -> Outlook:
    seconds, plan, forecast = options.seconds_left(), Plan(config=config), None
    if machine is not None:
        if seconds is not None:
            plan = plan_within(config, machine, seconds)
        forecast = forecast_of(plan, machine)
    return Outlook(
        plan=plan,
        workloads=place.workloads,
        num_workers=place.room.num_workers,
        forecast=forecast,
        seconds_left=seconds,
    )


def _time_plan(asked: StudyConfig, plan: Plan, options: RunOptions) -> TimePlan | None:
    if options.time_budget_seconds is None:
        return None
    return TimePlan(budget_seconds=options.time_budget_seconds, asked=dump(asked), left_out=plan.left_out)


def _plan_on(
    manifest: Manifest,
    asked: StudyConfig,
    machine: Machine,
    folder: StudyFolder,
    records: RecordStore,
    options: RunOptions,
) -> Plan:
    seconds = options.seconds_left()
    assert seconds is not None, "there is a budget"
    left_out = {} if manifest.time_plan is None else manifest.time_plan.left_out
    plan = plan_on(
        asked,
        Plan(config=manifest.config, left_out=left_out),
        machine,
        seconds,
        Records(
            trial_ids=frozenset(record.trial_id for record in records),
            num_searched=sum(record.search is not None for record in records),
            closed=read_selection(folder.selection),
            rounds=read_rounds(folder.rounds),
        ),
        is_done=_is_done(manifest.config, folder, records),
    )
    for sentence in plan.left_out.values():
        say(options.console, f"Left out: {sentence}")
    return plan


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
    manifest: Manifest,
    root: Path,
    place: _Place,
    machine: Machine | None,
    options: RunOptions,
    check_sole_driver: Callable[[], None],
) -> StudyResult:
    room = place.room
    config, folder = decide_execution(manifest.config, room), StudyFolder(full_path(root))
    with contextlib.ExitStack() as closing:
        saved, closed = read_rounds(folder.rounds), read_selection(folder.selection)
        tally = Tally(
            num_workers=room.num_workers,
            num_trials=num_trials(config, saved, closed),
            ends_at=options.ends_at,
        )

        def on_rounds(rounds: Rounds) -> None:
            tally.num_trials = num_trials(config, rounds, read_selection(folder.selection))
            rounds_decided(rounds)

        prior = (
            ()
            if (other := config.search.from_study) is None
            else read_prior(other, data=config.data, pool_digest=manifest.digests.pool)
        )
        view = _optuna_view(manifest, folder)
        mirrors = closing.enter_context(_mirrors(manifest, folder, options.console))
        session = StudySession(
            config,
            folder,
            view=view,
            imbalance_ratios=place.imbalance_ratios,
            budget=_budget(config, saved, machine, room.num_workers, options),
            observers=[
                Journal(),
                closing.enter_context(ProgressDisplay(tally, options.console)),
                Retention(
                    folder, most_bytes=config.resources.cache_gb * 1e9, exported_seed=min(config.confirm.seeds)
                ),
                *mirrors,
            ],
            on_rounds=on_rounds,
            check_sole_driver=check_sole_driver,
            prior=prior,
            data=manifest.digests,
        )
        for record in session.records:
            tally.count(record)
        closing.enter_context(logging_to(folder.driver_log))
        driver_began(
            num_records=len(session.records), num_trials=tally.num_trials.number, num_workers=tally.num_workers
        )
        run_trials(config, folder, session, place.images, room, console=options.console, verbose=options.verbose)
        if session.time_cuts:
            # Trials that were stopped are no longer shown as running.
            view.rebuild(session.records)
    if session.time_cuts:
        note_cuts(root, manifest, session.time_cuts, budget_seconds=options.time_budget_seconds or 0.0)
    # Tune takes a Ctrl-C for the end of the study.
    if not session.is_over and not _is_done(config, folder, session.records):
        raise UnfinishedStudyError(
            f"{len(session.records)} of {tally.num_trials} trials are done; "
            f"`gan-study resume {in_shell(root)}` continues"
        )
    closed = read_selection(folder.selection)
    if closed is not None and closed.why_short is not None:
        ended = f"{closed.num_searched} of {config.search.trials} trials"
        say(options.console, f"The search ended after {ended}: {closed.why_short}")
    _keep_results_alone(folder, goes_on=bool(session.time_cuts))
    return StudyResult(folder=root, trials=tuple(read_records(folder.records)))


def _budget(
    config: StudyConfig, saved: Rounds | None, machine: Machine | None, num_workers: int, options: RunOptions
) -> TimeBudget:
    if options.time_budget_seconds is None:
        return TimeBudget(seconds=None, num_workers=num_workers)
    cells = config.cells(config.space().balancers)
    first_round = known_rounds(config, saved).rounds[:1]
    confirmed = tuple(confirmations(config, default_selection(config), first_round))
    settings = {(trial.cell.ratio, trial.config.seed) for trial in confirmed}
    num_measuring = sum(map(costs.measures_images, confirmed)) // len(settings)
    predict = no_prediction if machine is None else partial(_predict, machine, num_measuring)
    return TimeBudget(
        seconds=options.time_budget_seconds,
        num_workers=num_workers,
        search=tuple(search_trials(config, len(cells))),
        first_round=confirmed,
        predict=predict,
        machine_slowness=1.0 if machine is None else machine.slowness,
        began_at=options.began_at,
    )


def _predict(machine: Machine, num_measuring: int, trials: Sequence[PlannedTrial]) -> list[float]:
    return list(costs.even_loads(trials, machine.workloads, machine.speeds, num_measuring=num_measuring))


def _is_done(config: StudyConfig, folder: StudyFolder, records: RecordStore) -> bool:
    closed, saved = read_selection(folder.selection), read_rounds(folder.rounds)
    return is_done(config, record_of=records.get, closed=closed, saved=saved)


def _keep_results_alone(folder: StudyFolder, *, goes_on: bool = False) -> None:
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


def _optuna_view(manifest: Manifest, folder: StudyFolder) -> OptunaView:
    return OptunaView(
        storage=manifest.storage(folder),
        study_name=manifest.unique_name,
        space=manifest.config.space(),
        own_file=folder.optuna if manifest.config.storage is None else None,
        patience_seconds=manifest.config.resources.storage_patience_seconds,
    )


@contextlib.contextmanager
def _mirrors(manifest: Manifest, folder: StudyFolder, console: Console) -> Iterator["list[WandbMirror]"]:
    """The W&B mirror, where there is one."""
    if manifest.config.wandb.mode == "off":
        yield []
        return
    from gan_study.study.watch.tracking import mirroring  # late: W&B takes half a second

    with mirroring(manifest, folder, say=lambda text: say(console, f"W&B: {text}")) as mirrors:
        yield mirrors
