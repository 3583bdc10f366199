"""Every data set by name: all that the modules of `sources/` define, and those of others."""

from dataclasses import replace

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.plugins import Catalog
from gan_study.trainables.data import sources
from gan_study.trainables.data.source import DataSet


def _adopt(loaded: object, name: str) -> DataSet | None:
    return replace(loaded, name=name) if isinstance(loaded, DataSet) else None


DATA_SETS = Catalog(collect_members(sources, DataSet), "datasets", needs="a DataSet", adopt=_adopt)
