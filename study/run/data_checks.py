"""Checks before a study's first trial, so that unusable data are found at once."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from gan_study.study.plan.config import NO_BALANCING, Ratio, StudyConfig
from gan_study.study.plan.costs import Workload, deficits_of
from gan_study.study.plan.storage_url import with_absolute_file
from gan_study.study.plan.trials import baseline_trials
from gan_study.study.run.folder import Manifest, read_origin
from gan_study.study.run.plugins import check_plugins, plugin_files, plugin_versions
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.files import expand, full_path
from gan_study.trainables.base.settings import ConfigError, DataError, UserError
from gan_study.trainables.classifiers.metrics import added_measures, check_measure, is_own
from gan_study.trainables.classifiers.pretrained import Pretrained, find_weights
from gan_study.trainables.classifiers.pretrained_network import load as load_pretrained
from gan_study.trainables.data import fingerprint
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.fingerprint import Fingerprint
from gan_study.trainables.data.imbalance import Imbalance
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.origins import read_folders
from gan_study.trainables.data.reading.read_back import read_back
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig
from gan_study.trainables.data.sources.arrays import is_read_alone
from gan_study.trainables.image_quality.extractor import inception
from gan_study.trainables.image_quality.features import IMAGE_FEATURES, BackboneFeatures, InceptionFeatures
from gan_study.trainables.trial.data import TrialParts, prepare


def split_data(config: StudyConfig) -> dict[Ratio, TrialParts]:
    """The training pool at each of the study's ratios, split as in every trial.

    Raises DataError or ConfigError if this is not possible.
    """
    return {
        trial.arm.ratio: prepare(trial.config, image_source(config.data))
        for trial in baseline_trials(config)
        if trial.arm.balancer == NO_BALANCING and trial.config.seed == config.search.seed
    }


def workload(parts: TrialParts, num_test: int) -> Workload:
    """How many images a trial with these parts has."""
    return Workload(
        training=parts.training.class_counts(),
        minority=parts.classes.minority,
        num_validation=len(parts.validation),
        num_test=num_test,
    )


def refuse_nothing_to_generate(config: StudyConfig, parts: Mapping[Ratio, TrialParts]) -> None:
    """Raise ConfigError if there are methods that add images, and none would add any at any ratio."""
    space = config.space()
    adding = [name for name in (*space.balancers, *config.baselines) if BALANCERS[name].adds_images]
    if not adding or any("balance_to" in key for name in space.balancers for key in space.keys_of(name)):
        return
    balance_to = max(float(str(config.balancing_by(name).dump()["balance_to"])) for name in adding)
    if any(deficits_of(workload(each, num_test=0), balance_to) for each in parts.values()):
        return
    classes = next(iter(parts.values())).classes
    rare = ", ".join(classes.names[label] for label in classes.minority)
    raise ConfigError(
        f"no image would be made: no other class has more images than the rare ones ({rare}); make an imbalance, "
        f"for instance --set 'imbalance={{profile: step, ratio: 10, minority_classes: [{rare}]}}', or name other "
        "rare classes by imbalance.minority_classes"
    )


def data_lines(data: DataConfig, imbalance: Imbalance) -> tuple[str, ...]:
    """What was read, see `read_back`.

    Also reads the test set, here and not in a trial, so that an unreadable file is found at once.
    """
    source = image_source(data)
    return read_back(data, imbalance, source.pool(), source.test())


def take_fingerprint(config: StudyConfig) -> Fingerprint:
    """All files that the study's numbers depend on, and the versions of installed parts.

    Raises DataError if there is no such data set.
    """
    other = {**fingerprint.digest_files(_other_files(config)), **plugin_versions(config)}
    return replace(fingerprint.take_fingerprint(config.data), other=other)


def find_changed_data(root: Path, manifest: Manifest, now: Fingerprint) -> str | None:
    """How the data have changed since the study in `root` began, in one line; None if nothing."""
    begun = manifest.digests
    if begun.pool is None:
        # An early version wrote none.
        return None
    origin = read_origin(root)
    known = None if origin is None else origin.data
    if known is None or (known.pool_digest, known.test_digest) != (begun.pool, begun.test):
        is_same = (now.pool_digest, now.test_digest) == (begun.pool, begun.test)
        return None if is_same else "the changed files are not known"
    return str(fingerprint.compare(known, now)) or None


def refuse_changed_data(root: Path, manifest: Manifest, now: Fingerprint) -> None:
    """Raise DataError if the data, as they are `now`, have changed since the study in `root` began."""
    if (changes := find_changed_data(root, manifest, now)) is not None:
        raise DataError(
            f"{root}: the data have changed since the study began: {changes}; restore them, or start another study"
        )


def _other_files(config: StudyConfig) -> dict[str, Path]:
    """The files beside the data that numbers depend on: modules of others, the weights of Inception."""
    found: dict[str, Path] = {}
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        found["the weights of Inception"] = Path(choice.weights)
    for where, network in pretrained_networks(config).items():
        found[f"the weights of {network.model} ({where})"] = find_weights(network, where=where)
    # No module is imported: looking at a study runs none of its code.
    return found | plugin_files(config)


def refuse_output_in_data(config: DataConfig, out: Path) -> None:
    """Raise UserError if images are read from everything below a folder, and `out` is inside or around it.

    The next study would read the figures of this one as images of a class. A file of arrays is read alone, without
    other files beside it.
    """
    has_files = DATA_SETS.find(config.name, where="data.name").has_a_file_each
    if not has_files or config.root is None or is_read_alone(config):
        return
    target = out.resolve()
    for place in read_folders(Path(config.root)):
        if target.is_relative_to(place) or place.is_relative_to(target):
            raise UserError(f"--out {out}: choose a folder outside that of the real images, {place}")


def check_objective(config: StudyConfig) -> None:
    """Raise ConfigError if a study's own objective or its costs cannot score images of the data's classes."""
    names = image_source(config.data).pool().images.class_names
    added_measures(config.objective, config.costs, names)
    if is_own(config.objective):
        check_measure(config.objective, num_classes=len(names))


def check_parts_of_others(config: StudyConfig) -> None:
    """Raise ConfigError if a part of another package breaks a promise of its kind (`trainables/contracts/`)."""
    pool = image_source(config.data).pool().images
    check_plugins(config, shape=pool.shape, num_classes=len(pool.class_names))


def check_networks(config: StudyConfig) -> None:
    """Raise ConfigError if a pretrained network or its weights cannot be read: now rather than in the trials."""
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        inception(choice.weights, torch.device("cpu"))
    for where, network in pretrained_networks(config).items():
        load_pretrained(network, where=where)


def pretrained_networks(config: StudyConfig) -> dict[str, Pretrained]:
    """The pretrained networks of the study, by the setting that names each."""
    found: dict[str, Pretrained | None] = {"classifier.backbone": config.classifier.backbone}
    found["confirm.frozen_baseline"] = config.confirm.frozen_baseline
    choice = config.confirm.image_features
    found[IMAGE_FEATURES] = choice if isinstance(choice, BackboneFeatures) else None
    return {where: network for where, network in found.items() if network is not None}


def with_absolute_paths(config: StudyConfig) -> StudyConfig:
    """`config` with absolute paths, since trials run in other processes and folders."""
    looked_for = DATA_SETS.find(config.data.name, where="data.name").is_looked_for
    root = config.data.root or (os.environ.get(DATA_ENVIRONMENT_VARIABLE) if looked_for else None)
    # An empty variable says no more than one that is not set.
    if root:
        config = replace(config, data=replace(config.data, root=_absolute(root)))
    labels = config.data.labels
    # One that is named from the data's own folder stays so.
    if labels is not None and expand(labels).exists():
        config = replace(config, data=replace(config.data, labels=_absolute(labels)))
    choice = config.confirm.image_features
    if isinstance(choice, InceptionFeatures):
        choice = replace(choice, weights=_absolute(choice.weights))
        config = replace(config, confirm=replace(config.confirm, image_features=choice))
    # What its library has in the cache of this machine too: all machines see the same file.
    if (backbone := config.classifier.backbone) is not None:
        backbone = replace(backbone, weights=_absolute(str(find_weights(backbone, where="classifier.backbone"))))
        config = replace(config, classifier=replace(config.classifier, backbone=backbone))
    if isinstance(choice, BackboneFeatures):
        choice = replace(choice, weights=_absolute(str(find_weights(choice, where=IMAGE_FEATURES))))
        config = replace(config, confirm=replace(config.confirm, image_features=choice))
    if (frozen := config.confirm.frozen_baseline) is not None:
        frozen = replace(frozen, weights=_absolute(str(find_weights(frozen, where="confirm.frozen_baseline"))))
        config = replace(config, confirm=replace(config.confirm, frozen_baseline=frozen))
    if config.storage is not None:
        config = replace(config, storage=with_absolute_file(config.storage))
    if (prior := config.search.from_study) is not None:
        config = replace(config, search=replace(config.search, from_study=_absolute(prior)))
    return config


def _absolute(path: str) -> str:
    return str(full_path(path))
