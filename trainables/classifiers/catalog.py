"""Every classifier by name."""

from collections.abc import Mapping

from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel
from gan_study.trainables.classifiers.convolutional import CNN2, CNN3
from gan_study.trainables.classifiers.mlp import MLP
from gan_study.trainables.classifiers.resnet import RESNET18, RESNET32
from gan_study.trainables.classifiers.simple_cnn import SIMPLE_CNN
from gan_study.trainables.classifiers.vgg_svm import VGG_SVM

CLASSIFIERS: Mapping[str, ClassifierModel] = {
    model.name: model
    for model in (
        SIMPLE_CNN,
        MLP,
        CNN2,
        CNN3,
        VGG_SVM,
        RESNET18,
        RESNET32,
    )
}


def classifier_model(config: ClassifierConfig) -> ClassifierModel:
    """The model that `config` names; raises ConfigError where there is none of that name."""
    if config.name not in CLASSIFIERS:
        raise ConfigError(f"classifier.name: {config.name!r} is unknown; {nearest(config.name, CLASSIFIERS)}")
    return CLASSIFIERS[config.name]
