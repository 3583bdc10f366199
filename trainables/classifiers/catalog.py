"""Every classifier by name: all that the modules of `models/` define, and those of others."""

from dataclasses import replace

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.plugins import Catalog
from gan_study.trainables.classifiers import models
from gan_study.trainables.classifiers.classifier import ClassifierModel


def _adopt(loaded: object, name: str) -> ClassifierModel | None:
    return replace(loaded, name=name) if isinstance(loaded, ClassifierModel) else None


CLASSIFIERS = Catalog(
    collect_members(models, ClassifierModel), "classifiers", needs="a ClassifierModel", adopt=_adopt
)
