"""A new study, from its configuration to its folder; `drive` runs its trials."""

import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from gan_study.study.plan.config import Ratio, StudyConfig, check_study_config
from gan_study.study.plan.storage_url import resolve
from gan_study.study.run import data_checks
from gan_study.study.run.cluster import STARTING_RAY, ray_cluster
from gan_study.study.run.drive import drive
from gan_study.study.run.folder import claim_folder, create_study_folder, left_as_it_was
from gan_study.study.run.lock import sole_driver
from gan_study.study.run.options import RunOptions, time_plan
from gan_study.study.run.place import find_place, look_ahead, probe_place
from gan_study.study.run.precision import decide_precision, refuse_precision_of_cluster
from gan_study.study.run.prior import read_prior
from gan_study.study.run.probe import SECONDS_BEFORE_RUN
from gan_study.study.run.result import StudyResult
from gan_study.study.watch.optuna_view import check_storage
from gan_study.study.watch.outlook import Outlook
from gan_study.study.watch.terminal import say
from gan_study.trainables.runtime.environment import versions
from gan_study.trainables.trial.data import TrialParts


def begin_study(config: StudyConfig, root: Path, options: RunOptions) -> StudyResult:
    """Run the study `config`, which has been checked, in the new folder `root`."""
    refuse_precision_of_cluster(config, options)
    data_checks.refuse_output_in_data(data_checks.with_absolute_paths(config).data, root)
    config, parts, read_back = _look_at_data(config, options.console)
    data = data_checks.take_fingerprint(config)
    if config.search.from_study is not None:
        read_prior(config.search.from_study, data=config.data, pool_digest=data.pool_digest)
    if config.storage is not None:
        check_storage(resolve(config.storage, os.environ))
    is_new = not root.exists()
    claim_folder(root)
    say(options.console, STARTING_RAY)
    with (
        sole_driver(root) as check_sole_driver,
        left_as_it_was(root, is_new=is_new),
        ray_cluster(options.address, verbose=options.verbose),
    ):
        place = find_place(config, parts, options)
        config, found = decide_precision(config, place, options)
        machine = probe_place(config, place, options, seconds=SECONDS_BEFORE_RUN)
        outlook = look_ahead(config, place, machine, options)
        for line in outlook.lines():
            say(options.console, line)
        manifest = create_study_folder(
            root,
            outlook.config,
            versions(),
            data=data,
            time_plan=time_plan(config, outlook.plan.left_out, options),
            read_back=read_back,
            gan_precision={name: str(each) for name, each in found.gans.items()},
            classifier_precision=None if found.classifier is None else str(found.classifier),
        )
        return drive(manifest, root, place, machine, options, check_sole_driver)


def plan_study(config: StudyConfig, options: RunOptions) -> Outlook:
    """What the study `config` will do and how long it takes, after measuring this machine."""
    refuse_precision_of_cluster(config, options)
    config, parts, _ = _look_at_data(config, options.console)
    say(options.console, STARTING_RAY)
    with ray_cluster(options.address, verbose=options.verbose):
        place = find_place(config, parts, options)
        config, _ = decide_precision(config, place, options)
        return look_ahead(config, place, probe_place(config, place, options), options)


def _look_at_data(
    config: StudyConfig, console: Console
) -> tuple[StudyConfig, Mapping[Ratio, TrialParts], tuple[str, ...]]:
    """`config` with the places of its files spelt out, its data as trials split them, and what was read.

    Raises UserError if the configuration or the data cannot do.
    """
    check_study_config(config)
    say(console, "Reading the images")
    config = data_checks.with_absolute_paths(config)
    # What was read comes first: it shows why the data cannot be split, for instance.
    read_back = data_checks.data_lines(config.data, config.imbalance)
    for line in read_back:
        say(console, f"Data: {line}")
    parts = data_checks.split_data(config)
    data_checks.refuse_nothing_to_generate(config, parts)
    data_checks.check_objective(config)
    data_checks.check_parts_of_others(config)
    data_checks.check_networks(config)
    return config, parts, read_back
