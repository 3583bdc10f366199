"""Every classifier by name: all that the modules of `models/` define."""

from collections.abc import Mapping

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.classifiers import models
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel

CLASSIFIERS: Mapping[str, ClassifierModel] = collect_members(models, ClassifierModel)


def classifier_model(config: ClassifierConfig) -> ClassifierModel:
    """The model that `config` names; raises ConfigError, with the nearest name, if there is none."""
    if config.name not in CLASSIFIERS:
        raise ConfigError(f"classifier.name: {config.name!r} is unknown; {nearest(config.name, CLASSIFIERS)}")
    return CLASSIFIERS[config.name]
