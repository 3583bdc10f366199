"""Chooses the trial whose balanced data set is exported: that of a study's best confirmed generator, or the one
given by options.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gan_study.study.plan.config import Arm
from gan_study.study.plan.overlay import merge
from gan_study.study.plan.recipe import study_config
from gan_study.study.plan.trials import planned_trial
from gan_study.study.run.data_checks import refuse_changed_data, take_fingerprint
from gan_study.study.run.folder import Manifest, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import read_records, refuse_foreign
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.files import full_path, in_shell, named_path
from gan_study.trainables.base.settings import ConfigError, DataError, UserError, dump, nearest
from gan_study.trainables.data.prepared import forget_images
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.export.about import About, read_about
from gan_study.trainables.export.balanced_folder import Description
from gan_study.trainables.export.export import ShowProgress, export
from gan_study.trainables.export.findings import Fault
from gan_study.trainables.export.request import ExportRequest
from gan_study.trainables.records.limits import restore_classes
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.runtime.environment import library_named
from gan_study.trainables.runtime.matrix_products import choose_library
from gan_study.trainables.runtime.process import arithmetic_given_back, keep_freed_memory
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.purpose import Purpose

# What a folder of images is balanced by where no study says otherwise.
RECIPE = "imagefolder"


@dataclass(frozen=True, kw_only=True)
class BalanceOptions:
    """What a person asked for: the folder of a study, or a GAN or another generator by its name.

    `data` replaces the folder with the study's images. For a study, `variant`, `ratio` and `seed` choose among the
    confirmed generators; without a study, `assignments` change the settings of the recipe for image folders.
    `generator_steps` is the training length (None: as in the settings). `about` is a YAML file with
    facts about the real images. For `all_images`, `links` and `allowed` see ExportRequest.
    """

    study: Path | None = None
    data: str | None = None
    variant: str | None = None
    generator_steps: int | None = None
    ratio: float | None = None
    seed: int | None = None
    assignments: tuple[str, ...] = ()
    all_images: bool = False
    links: bool = False
    about: Path | None = None
    allowed: frozenset[Fault] = frozenset()


def export_request(options: BalanceOptions) -> ExportRequest:
    """The trial whose balanced set is requested; raises UserError if there is none."""
    if options.study is not None and options.assignments:
        raise ConfigError(f"--set {options.assignments[0]}: the settings are those of the study, --from")
    # Their files may have been changed since they were read in this process.
    forget_images()
    request = _of_recipe(options) if options.study is None else _of_study(options, options.study)
    return replace(
        request,
        all_images=options.all_images,
        links=options.links,
        about=About() if options.about is None else read_about(options.about),
        allowed=options.allowed,
    )


@arithmetic_given_back()
def run_export(request: ExportRequest, out: Path, console: Console) -> Description:
    """Write the balanced data set to `out`, with a progress bar for each stage."""
    keep_freed_memory()
    choose_library(lambda found: request.library or found)
    with progress_bars(console) as progress:
        return export(request, out, progress=progress)


@checked_arguments
def export_balanced(
    study: Path | str,
    out: Path | str,
    *,
    about: Path | str | None = None,
    allow_memorised: bool = False,
    allow_collapsed: bool = False,
    allow_missing: bool = False,
) -> Description:
    """Write the balanced data set of a study: real images, and images of its best confirmed generator.

    Continues where an interrupted export to `out` stopped.

    Parameters
    ----------
    study : Path or str
        The folder of the study.
    out : Path or str
        The new folder of the balanced data set.
    about : Path or str, optional
        A YAML file with what is known of the real images, such as licence and source (`docs/balanced_data.md`).
    allow_memorised : bool
        Write the folder even if the generator has memorised its training images.
    allow_collapsed : bool
        Write the folder even if the generator makes a few images only.
    allow_missing : bool
        Write the folder even if too few images could be made that are no copies and pass the filter.

    Returns
    -------
    Description
        The images of each class, what is known of the synthetic ones, and the validation scores.

    Raises
    ------
    UserError
        If the study has no confirmed generator, if `out` holds anything else, or if the images have a fault that
        is not allowed.

    Examples
    --------
    This may train a GAN, so the tests skip it.

    >>> from gan_study import export_balanced
    >>> description = export_balanced("studies/mine", "balanced")  # doctest: +SKIP
    """
    options = BalanceOptions(
        study=Path(study),
        about=None if about is None else Path(about),
        allowed=allowed_faults(memorised=allow_memorised, collapsed=allow_collapsed, missing=allow_missing),
    )
    return run_export(export_request(options), named_path(out), Console(quiet=True))


def allowed_faults(*, memorised: bool, collapsed: bool, missing: bool) -> frozenset[Fault]:
    """The faults of synthetic images that do not stop the export."""
    given: dict[Fault, bool] = {"memorised": memorised, "collapsed": collapsed, "missing": missing}
    return frozenset(fault for fault, is_allowed in given.items() if is_allowed)


def _of_recipe(options: BalanceOptions) -> ExportRequest:
    known = [name for name, entry in BALANCERS.items() if entry.trains_generator]
    if options.variant is None:
        raise ConfigError(f"--variant: name a generator, or a study by --from; {nearest('', known)}")
    if options.variant not in known:
        raise ConfigError(f"--variant: {options.variant!r} is not a generator; {nearest(options.variant, known)}")
    if options.ratio is not None:
        raise ConfigError("--ratio: needs a study (--from)")
    given = () if options.data is None else (f"data.root={json.dumps(options.data)}",)
    study = study_config(RECIPE, (*options.assignments, *given))
    trial = planned_trial(
        study,
        Arm(balancer=options.variant, ratio=None),
        parse_balancing(merge(study.settings_of(options.variant), _length_changes(options, options.variant))),
        Purpose(phase="baseline"),
        seed=study.confirm.seeds[0] if options.seed is None else options.seed,
    )
    return ExportRequest(config=trial.config, threads=study.resources.cpus_per_trial)


def _of_study(options: BalanceOptions, root: Path) -> ExportRequest:
    manifest = read_manifest(root)
    study = manifest.config
    records = read_records(StudyFolder(root).records)
    refuse_foreign(StudyFolder(root).records, study_id=manifest.study_id, has_seals=manifest.has_seals)
    record = _confirmed_generator(records, root, options)
    elsewhere: dict[str, JsonValue] = {} if options.data is None else {"root": options.data}
    changes: dict[str, JsonValue] = {
        "balancing": _length_changes(options, record.balancer),
        "data": elsewhere,
    }
    config = parse_trial(merge(restore_classes(record.config, dump(study)), changes))
    states = StudyFolder(root).best_gans(record.trial_id)
    same_images = _has_same_images(root, manifest, config.data, is_own=options.data is None)
    is_the_trial = same_images and not options.all_images and config.trial_id == record.trial_id
    return ExportRequest(
        config=config,
        study_validation=record.scores["validation"] if is_the_trial else None,
        states=states if states.is_dir() else None,
        library=library_named(record.environment.get("matrix_products")),
        threads=study.resources.cpus_per_trial,
        findings=_verdict_on(record, root),
    )


def _has_same_images(root: Path, manifest: Manifest, data: DataConfig, *, is_own: bool) -> bool:
    """Whether `data` are those that a study was begun with; raises DataError if they `is_own` and were changed."""
    begun = manifest.digests
    if begun.pool is None:
        # An early version noted no more than their place.
        here, there = (each and full_path(each) for each in (data.root, manifest.config.data.root))
        return here == there
    try:
        now = take_fingerprint(replace(manifest.config, data=data))
    except DataError:
        # Reading them raises an error, or downloads them.
        return is_own
    if is_own:
        refuse_changed_data(root, manifest, now)
    return (now.pool_digest, now.test_digest) == (begun.pool, begun.test)


def _verdict_on(record: TrialRecord, root: Path) -> tuple[str, ...]:
    """What the study says of a confirmed GAN, for users of its images; at most one sentence."""
    from gan_study.analysis.comparisons.verdicts import gains
    from gan_study.analysis.records.load import load_study
    from gan_study.analysis.records.select import under
    from gan_study.analysis.tables.verdicts import verdict_text
    from gan_study.analysis.wording import gain_phrase

    return tuple(
        f"the study's verdict on {record.balancer} against no balancing: {verdict_text(each)}, "
        f"test minority F1 {gain_phrase(each.estimate)}"
        for each in gains(load_study(root))
        if each.pairs.method == record.balancer and under([record], each.pairs.condition)
    )


def _confirmed_generator(records: Sequence[TrialRecord], root: Path, options: BalanceOptions) -> TrialRecord:
    """The confirmed trial that the options choose: by default of the GAN that the report says validation chose, or
    of another generator if there is no GAN.
    """
    from gan_study.analysis.records.select import best_generator, conditions, confirmed, trains_generator, under

    trained = [record for record in confirmed(records) if trains_generator(record)]
    if not trained:
        raise UserError(
            f"{root} has no confirmed generator; `gan-study resume {in_shell(root)}` continues the study"
        )
    found = [each for each in conditions(trained) if options.ratio in (None, each.imbalance_ratio)]
    if len(found) != 1:
        known = ", ".join(f"{each.imbalance_ratio:g}" for each in conditions(trained))
        raise UserError(f"--ratio: name one of the study's imbalance ratios: {known}")
    name = options.variant or best_generator(records, found[0])
    if name is None:
        raise UserError(f"{root} has no generator confirmed beside no balancing; name one with --variant")
    of_name = {record.seed: record for record in under(trained, found[0]) if record.balancer == name}
    if not of_name:
        known = nearest(name, {record.balancer for record in trained})
        raise UserError(f"--variant: {root} has no confirmed generator {name!r}; {known}")
    seed = min(of_name) if options.seed is None else options.seed
    if seed not in of_name:
        raise UserError(f"--seed: {name} was confirmed with {', '.join(map(str, sorted(of_name)))}, not {seed}")
    return of_name[seed]


def _length_changes(options: BalanceOptions, balancer: str) -> dict[str, JsonValue]:
    """What the options change of a balancer's settings: for how long its generator is trained."""
    if options.generator_steps is None:
        return {}
    section = BALANCERS[balancer].training_section
    assert section is not None, "only generators are exported"
    # Exactly so long: what it had beside its length, a cap or milestones, was of another one.
    return {section: {"generator_steps": options.generator_steps, "milestones": []}}


@contextmanager
def progress_bars(console: Console) -> Iterator[ShowProgress]:
    """A progress bar for each stage of an export."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield show
