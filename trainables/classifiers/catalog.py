"""Every classifier by name: all that the modules of `models/` define."""

from collections.abc import Mapping

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.classifiers import models
from gan_study.trainables.classifiers.classifier import ClassifierModel

CLASSIFIERS: Mapping[str, ClassifierModel] = collect_members(models, ClassifierModel)
