"""The content of a data set's files: a digest of each file's bytes, and the differences between two sets of files.

Bytes are compared, not pixels, so nothing has to be decoded, and any change is detected.
"""

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.source import DataConfig

# Half of what names an image's pixels: a chance of 1 in 10^10 that two of 60,000 files share one.
_DIGEST_BYTES = 8
# Hashing waits for the disk or, on a network's file system, for its answers.
_THREADS = 8
_NAMES_SHOWN = 3


@settings
class Fingerprint:
    """A data set's files: by part, the digest of each by its name."""

    pool: Mapping[str, str]
    """The images that training and validation sets are drawn from."""
    test: Mapping[str, str]
    """The test set."""
    other: Mapping[str, str] = field(default_factory=dict)
    """Further files that the numbers depend on."""

    @property
    def pool_digest(self) -> str:
        """A digest of the files of the pool and their content."""
        return _name_files(self.pool)

    @property
    def test_digest(self) -> str:
        """A digest of the files of the test set and their content."""
        return _name_files(self.test)

    @property
    def digest(self) -> str:
        """A digest of the files of both parts and their content."""
        return _name_files({"pool": self.pool_digest, "test": self.test_digest})


def take_fingerprint(config: DataConfig) -> Fingerprint:
    """The files of the data set that `config` asks for; none is decoded, none downloaded.

    If a data set does not list its files, its images and their classes are used instead. Raises DataError if there
    is no such data set.
    """
    data_set = DATA_SETS.find(config.name, where="data.name")
    if data_set.files is None:
        source = data_set.source(config)
        return Fingerprint(pool=_name_images(source.pool().images), test=_name_images(source.test().images))
    files = data_set.files(config)
    digests = digest_files({**files.pool, **files.test})
    return Fingerprint(
        pool={name: digests[name] for name in files.pool}, test={name: digests[name] for name in files.test}
    )


def _name_images(images: LabeledImages) -> dict[str, str]:
    """The class of each image and the digest of its pixels, by where it is from."""
    classes = (images.class_names[label] for label in images.labels)
    return {
        origin: f"{name} {digest}"
        for origin, name, digest in zip(images.origins, classes, images.digests, strict=True)
    }


def digest_files(files: Mapping[str, Path]) -> dict[str, str]:
    """The digest of each file's bytes, by its name in `files`; a text that is not a digest if it cannot be
    read.
    """
    with ThreadPoolExecutor(_THREADS) as threads:
        return dict(zip(files, threads.map(_digest, files.values()), strict=True))


@dataclass(frozen=True, kw_only=True)
class FileChanges:
    """The changes of a data set's files, by their names."""

    added: Sequence[str] = ()
    gone: Sequence[str] = ()
    changed: Sequence[str] = ()
    """Those of other content."""
    moved: Sequence[tuple[str, str]] = ()
    """The old and the new name of each moved file: a new folder may mean a new class."""
    exchanged: Sequence[str] = ()
    """Files that moved between the pool and the test set, if nothing else has changed."""

    def __bool__(self) -> bool:
        return any((self.added, self.gone, self.changed, self.moved, self.exchanged))

    def __str__(self) -> str:
        """One line that counts all, and names a few of each kind."""
        kinds = (
            ("changed", self.changed),
            ("gone", self.gone),
            ("added", self.added),
            ("moved", [f"{before} to {after}" for before, after in self.moved]),
            ("in another part", self.exchanged),
        )
        return "; ".join(f"{_count(names)} {what} ({_few(names)})" for what, names in kinds if names)


def compare(before: Fingerprint, after: Fingerprint) -> FileChanges:
    """The changes since `before`; an unchanged file with another name was moved."""
    old, new = ({**each.pool, **each.test, **each.other} for each in (before, after))
    changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    gone, added = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    moved = list(_find_moved(gone, added, old, new))
    left, come = {name for name, _ in moved}, {name for _, name in moved}
    found = FileChanges(
        added=[name for name in added if name not in come],
        gone=[name for name in gone if name not in left],
        changed=changed,
        moved=moved,
    )
    if found:
        # Which files are carved off for testing follows from the names of all.
        return found
    parts = ((before.pool, after.pool), (before.test, after.test))
    return FileChanges(exchanged=sorted({name for old, new in parts for name in old.keys() ^ new.keys()}))


def _find_moved(
    gone: Sequence[str], added: Sequence[str], old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The pairs of equal content, each name in at most one."""
    places: dict[str, list[str]] = {}
    for name in reversed(added):
        places.setdefault(new[name], []).append(name)
    for name in gone:
        if same := places.get(old[name]):
            yield name, same.pop()


def _digest(path: Path) -> str:
    try:
        # A pipe would be waited for.
        if not stat.S_ISREG(path.stat().st_mode):
            return "no regular file"
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_DIGEST_BYTES)).hexdigest()
    # Reading its image raises or skips it, as the settings say.
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _name_files(files: Mapping[str, str]) -> str:
    return hashlib.blake2b(json.dumps(files, sort_keys=True).encode(), digest_size=2 * _DIGEST_BYTES).hexdigest()


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} file{'' if len(names) == 1 else 's'}"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    # A name may hold what is no text, or would break the line.
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
