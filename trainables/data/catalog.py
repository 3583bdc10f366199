"""Every data set by name: all that the modules of `sources/` define."""

import os
from collections.abc import Mapping
from functools import lru_cache

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.data import sources
from gan_study.trainables.data.class_selection import SelectedClasses
from gan_study.trainables.data.prepared import PreparedSource
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig, DataSet, ImageSource

DATA_SETS: Mapping[str, DataSet] = collect_members(sources, DataSet)


def data_set(config: DataConfig) -> DataSet:
    """The data set that `config` names; raises ConfigError, with the nearest name, if there is none."""
    if config.name not in DATA_SETS:
        raise ConfigError(f"data.name: {config.name!r} is unknown; {nearest(config.name, DATA_SETS)}")
    return DATA_SETS[config.name]


def image_source(config: DataConfig) -> ImageSource:
    """The images that `config` asks for; nothing is read yet.

    In one process, equal configurations share what was read, for the last two that were asked for.
    """
    return _prepared(config, os.environ.get(DATA_ENVIRONMENT_VARIABLE))


@lru_cache(maxsize=2)
def _prepared(config: DataConfig, _data_folder: str | None) -> ImageSource:
    source = data_set(config).source(config)
    if config.classes is not None:
        source = SelectedClasses(source, config.classes)
    return PreparedSource(source, config)
