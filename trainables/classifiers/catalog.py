"""Every classifier by name: all that the modules of `models/` define, and those of others."""

from dataclasses import replace
from functools import partial

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.plugins import Catalog
from gan_study.trainables.classifiers import models
from gan_study.trainables.classifiers.backbone import backbone_body
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel


def _adopt(loaded: object, name: str) -> ClassifierModel | None:
    return replace(loaded, name=name) if isinstance(loaded, ClassifierModel) else None


CLASSIFIERS = Catalog(
    collect_members(models, ClassifierModel), "classifiers", needs="a ClassifierModel", adopt=_adopt
)

# The one whose body depends on its settings.
BACKBONE_SUMMARY = "a pretrained network of torchvision or timm (classifier.backbone), frozen or fine-tuned"


def classifier_model(config: ClassifierConfig) -> ClassifierModel:
    """The model of `config`; raises ConfigError if there is none of its name.

    No weights are read before its body is made.
    """
    if config.backbone is None:
        return CLASSIFIERS.find(config.name, where="classifier.name")
    body = partial(backbone_body, config.backbone, where="classifier.backbone")
    return ClassifierModel(name=config.name, summary=BACKBONE_SUMMARY, body=body)
