"""What is looked at before a study's first trial, so that data which cannot do are found at once."""

import os
from dataclasses import replace

import torch

from gan_study.study.plan.config import NO_BALANCING, Ratio, StudyConfig
from gan_study.study.plan.costs import Workload
from gan_study.study.plan.trials import baseline_trials
from gan_study.trainables.base.files import full_path
from gan_study.trainables.base.settings import look_up
from gan_study.trainables.classifiers.metrics import added_measures, check_measure, is_own
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE
from gan_study.trainables.image_quality.extractor import inception
from gan_study.trainables.image_quality.features import InceptionFeatures
from gan_study.trainables.trial.data import TrialParts, prepare


def split_data(config: StudyConfig) -> dict[Ratio, TrialParts]:
    """The training pool at each of the study's ratios, split as every trial will.

    Raises DataError or ConfigError where that cannot be done.
    """
    return {
        trial.cell.ratio: prepare(trial.config, image_source(config.data))
        for trial in baseline_trials(config)
        if trial.cell.balancer == NO_BALANCING and trial.config.seed == config.search.seed
    }


def workload(parts: TrialParts, num_test: int) -> Workload:
    """How many images a trial with these parts has."""
    return Workload(
        training=parts.training.class_counts(),
        minority=parts.classes.minority,
        num_validation=len(parts.validation),
        num_test=num_test,
    )


def data_notes(config: StudyConfig) -> tuple[str, ...]:
    """What is worth knowing about the data: images skipped, degraded or found twice.

    Reads the test part too, here and not in any trial, so that a file that cannot be read is found at once.
    """
    source = image_source(config.data)
    return tuple(dict.fromkeys((*source.pool().notes, *source.test().notes)))


def check_objective(config: StudyConfig) -> None:
    """Raise ConfigError where a study's own objective or its costs cannot score images of the data's classes."""
    names = image_source(config.data).pool().images.class_names
    added_measures(config.objective, config.costs, names)
    if is_own(config.objective):
        check_measure(config.objective, num_classes=len(names))


def check_image_features(config: StudyConfig) -> None:
    """Raise ConfigError where the weights of Inception cannot be read: now, and not after the search."""
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        inception(choice.weights, torch.device("cpu"))


def with_absolute_paths(config: StudyConfig) -> StudyConfig:
    """`config` with the places of files spelt out, since trials run in other processes and folders."""
    looked_for = look_up(DATA_SETS, config.data.name, where="data.name").is_looked_for
    root = config.data.root or (os.environ.get(DATA_ENVIRONMENT_VARIABLE) if looked_for else None)
    if root is not None:
        config = replace(config, data=replace(config.data, root=_absolute(root)))
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        choice = replace(choice, weights=_absolute(choice.weights))
        config = replace(config, confirm=replace(config.confirm, image_features=choice))
    if (prior := config.search.from_study) is not None:
        config = replace(config, search=replace(config.search, from_study=_absolute(prior)))
    return config


def _absolute(path: str) -> str:
    return str(full_path(path))
