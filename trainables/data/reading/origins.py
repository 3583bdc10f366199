"""Where the pictures of a data set lie: the folders that are read, and the file behind a name that was shown."""

from functools import lru_cache
from pathlib import Path, PurePosixPath

from gan_study.trainables.base.names import shown
from gan_study.trainables.data.reading.entries import find_entries
from gan_study.trainables.data.reading.listing import data_folder


def read_folders(root: Path) -> tuple[Path, ...]:
    """The real paths of everything that is read below `root`: its own, and those of folders behind links."""
    if not root.exists():
        return (root.resolve(),)
    place = data_folder(str(root))
    return (place.resolve(), *find_entries(place, skip_unreadable=True).linked_folders)


def find_origin(root: Path, origin: str) -> Path:
    """The file below `root` that `Listing.origins` names `origin`."""
    path = root
    for part in PurePosixPath(origin).parts:
        named = path / part
        path = named if named.exists() else _by_shown_name(path).get(part, named)
    return path


@lru_cache(maxsize=1)
def _by_shown_name(folder: Path) -> dict[str, Path]:
    return {shown(path.name): path for path in folder.iterdir()} if folder.is_dir() else {}
