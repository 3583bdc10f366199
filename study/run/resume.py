"""Continuing a study from its folder; `drive` runs the trials that it lacks."""

import json
from pathlib import Path

from gan_study.study.plan.config import StudyConfig
from gan_study.study.plan.extensions import plan_on
from gan_study.study.plan.rounds import read_rounds
from gan_study.study.plan.selection import read_selection
from gan_study.study.plan.time_plan import Machine, Plan, Records
from gan_study.study.plan.trials import foreign_sections
from gan_study.study.run import data_checks
from gan_study.study.run.cluster import STARTING_RAY, ray_cluster
from gan_study.study.run.decision_store import read_decisions
from gan_study.study.run.drive import drive, finish, has_all_trials
from gan_study.study.run.edits import refuse_unmeant, take_in_edits
from gan_study.study.run.failures import forget_failed
from gan_study.study.run.folder import Manifest, find_edits_of_manifest, read_manifest, refuse_links_out
from gan_study.study.run.going_on import go_on_as, reopen_rounds
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.lock import sole_driver
from gan_study.study.run.more_seeds import check_until_decided, take_to_seeds
from gan_study.study.run.more_trials import take_to_trials, with_trials
from gan_study.study.run.options import RunOptions, time_plan
from gan_study.study.run.place import find_place, probe_place
from gan_study.study.run.record_store import RecordStore, read_records, refuse_foreign
from gan_study.study.run.result import StudyResult
from gan_study.study.watch.terminal import say
from gan_study.trainables.base.settings import ConfigError, DataError, dump
from gan_study.trainables.records.limits import restore_classes
from gan_study.trainables.records.provenance import CODE, COMPARED, differences_from
from gan_study.trainables.runtime.environment import code_digest, machine, versions
from gan_study.trainables.trial.config import parse_trial


def continue_study(
    root: Path,
    options: RunOptions,
    *,
    seeds: int | None,
    trials: int | None,
    until_decided: bool,
    retry_failed: bool,
) -> StudyResult:
    """Run the missing trials of the study in folder `root`, and those that are requested now."""
    manifest, folder = read_manifest(root), StudyFolder(root)
    refuse_links_out(root)
    with sole_driver(root) as check_sole_driver:
        # Before anything is written.
        refuse_unmeant(root, find_edits_of_manifest(root))
        data_checks.refuse_output_in_data(manifest.config.data, root)
        _refuse_foreign_records(folder, manifest)
        has_data = _has_data(root, manifest)
        manifest = take_in_edits(root)
        if until_decided:
            check_until_decided(manifest.config)
        reopen_rounds(folder)
        manifest = _extend(root, manifest, seeds=seeds, trials=trials, has_budget=options.has_budget)
        if retry_failed:
            patience = manifest.config.resources.storage_patience_seconds
            say(options.console, f"{forget_failed(folder, patience_seconds=patience)} failed trials are run again")
        records = RecordStore(folder.records)
        asked = manifest.config if seeds is not None else manifest.asked
        if has_all_trials(asked, folder, records) and manifest.config == asked:
            say(options.console, f"All {len(records)} trials are done; --seeds N or --trials N add more")
            finish(manifest, folder, records, options.console)
            return StudyResult(folder=root, trials=tuple(read_records(folder.records)))
        parts = data_checks.split_data(manifest.config)
        if not has_data:
            # They have been downloaded.
            data_checks.refuse_changed_data(root, manifest, data_checks.take_fingerprint(manifest.config))
        data_checks.check_objective(manifest.config)
        for difference in _find_differences(folder, options):
            say(options.console, f"Note: {difference}; numbers may differ because of this")
        say(options.console, STARTING_RAY)
        with ray_cluster(options.address, verbose=options.verbose):
            place = find_place(asked, parts, options)
            machine = probe_place(asked, place, options) if options.has_budget else None
            if machine is not None:
                plan = _plan_on(manifest, asked, machine, folder, records, options)
                manifest = go_on_as(root, manifest, plan, time_plan(asked, plan.left_out, options))
            return drive(manifest, root, place, machine, options, check_sole_driver)


def _refuse_foreign_records(folder: StudyFolder, manifest: Manifest) -> None:
    """Raise UserError if a record or a decision was edited, or a record is of another study."""
    study, seen = dump(manifest.config), set[str]()
    for number, record in enumerate(read_records(folder.records), start=1):
        # Thousands of trials differ in seed and balancing alone.
        settings = json.dumps([record.config.get(name) for name in ("data", "classifier", "imbalance")])
        if settings in seen:
            continue
        seen.add(settings)
        try:
            trial = parse_trial(restore_classes(record.config, study))
        except ConfigError:
            # Written by another version: `check` says so.
            continue
        if foreign := foreign_sections(manifest.config, trial):
            raise DataError(
                f"{folder.records}:{number}: trial {record.trial_id} has {' and '.join(foreign)} of another study "
                f"than {folder.manifest.name}; put the records of this study there"
            )
    refuse_foreign(folder.records, study_id=manifest.study_id, has_seals=manifest.has_seals)
    # Those of a search that is over decide nothing more, and are refused here alone.
    read_decisions(folder.decisions)


def _extend(
    root: Path, manifest: Manifest, *, seeds: int | None, trials: int | None, has_budget: bool
) -> Manifest:
    """The manifest of the study with so many seeds and search trials, or with all that was asked for."""
    if trials is not None:
        # Refused before the seeds are written.
        with_trials(manifest.asked, trials)
    if seeds is not None:
        manifest = take_to_seeds(root, seeds)
    if trials is not None:
        manifest = take_to_trials(root, trials)
    if seeds is None and trials is None and not has_budget:
        manifest = go_on_as(root, manifest, Plan(config=manifest.asked), None)
    return manifest


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
    """What further trials will be run with and earlier ones were not, if that is known here."""
    own = machine() if options.address is None else versions()
    now = {name: own[key] for key, name in COMPARED.items() if key in own}
    return differences_from(read_records(folder.records), {**now, CODE: code_digest()})


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
        is_done=has_all_trials(manifest.config, folder, records),
    )
    for sentence in plan.left_out.values():
        say(options.console, f"Left out: {sentence}")
    return plan
