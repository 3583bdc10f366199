"""Every data set by name: all that the modules of `sources/` define."""

from collections.abc import Mapping

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.data import sources
from gan_study.trainables.data.source import DataSet

DATA_SETS: Mapping[str, DataSet] = collect_members(sources, DataSet)
