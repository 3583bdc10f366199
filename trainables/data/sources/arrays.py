"""Which data sets are held as arrays, in a `.npz` or in tables of pixels, and not as a file for each image."""

from collections.abc import Mapping
from pathlib import Path

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.names import shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.array_file import is_array_file, read_array_file
from gan_study.trainables.data.sources.array_set import ArraySet
from gan_study.trainables.data.sources.pixel_tables import find_pixel_tables, read_pixel_tables


def holds_arrays(config: DataConfig) -> bool:
    """Whether `config.root` is a file of arrays, or tables of pixels."""
    return is_array_file(config.root) or bool(find_pixel_tables(config))


def is_read_alone(config: DataConfig) -> bool:
    """Whether `config.root` is a file beside which nothing is read."""
    return holds_arrays(config) and not expand(str(config.root)).is_dir()


def array_source(config: DataConfig) -> ArraySet | None:
    """The images of a file of arrays or of tables of pixels; None if `config.root` is neither."""
    if is_array_file(config.root):
        return ArraySet(config, read_array_file)
    return ArraySet(config, read_pixel_tables) if find_pixel_tables(config) else None


def array_files(config: DataConfig) -> Mapping[str, Path]:
    """The files that are read, by their names; raises DataError if there is none."""
    path = expand(str(config.root))
    if not path.exists():
        raise DataError(f"{path}: no such file")
    tables = find_pixel_tables(config)
    below = path if path.is_dir() else path.parent
    return {shown(each.relative_to(below).as_posix()): each for each in tables or (path,)}
