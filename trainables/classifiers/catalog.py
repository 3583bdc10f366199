"""Every classifier by name."""

from collections.abc import Mapping

from trainables.classifiers.classifier import ClassifierConfig, ClassifierModel
from trainables.classifiers.simple_cnn import SIMPLE_CNN
from trainables.settings import ConfigError, nearest

CLASSIFIERS: Mapping[str, ClassifierModel] = {model.name: model for model in (SIMPLE_CNN,)}


def classifier_model(config: ClassifierConfig) -> ClassifierModel:
    """The model that `config` names; raises ConfigError where there is none of that name."""
    if config.name not in CLASSIFIERS:
        raise ConfigError(f"classifier.name: {config.name!r} is unknown; {nearest(config.name, CLASSIFIERS)}")
    return CLASSIFIERS[config.name]
