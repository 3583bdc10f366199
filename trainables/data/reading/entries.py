"""Every entry below a folder: the pictures among them, and all others with the reason why they are skipped."""

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from gan_study.trainables.base.files import open_regular
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError

# How files of the formats that are read begin; TGA, PCX and bare bitmaps have no such mark.
_BEGINS_AS_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|II[*+]\0|MM\0[*+]|qoif|\x01\xda|\0\0\x01\0[^\0]\0"
    rb"|\xff\x4f\xff\x51|\0{3}\x0cjP  |.{4}ftypavi[fs]|RIFF.{4}WEBP|P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s|.{128}DICM",
    re.DOTALL,
)
_HEAD_BYTES = 256
# A file that is named as a picture and holds none is refused or skipped by name, and does not vanish.
EXTENSIONS = frozenset(
    {".avif", ".bmp", ".dcm", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm"}
    | {".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp"}
)
# Pictures all the same: raw photographs, some of which begin as a TIFF of their thumbnail, what phones and drawing
# programs write, volumes and slides.
_UNREAD_EXTENSIONS = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw"}
    | {
        ".ai",
        ".eps",
        ".heic",
        ".heif",
        ".hif",
        ".jxl",
        ".jxr",
        ".kra",
        ".psb",
        ".psd",
        ".svg",
        ".wdp",
        ".wmf",
        ".xcf",
    }
    | {
        ".czi",
        ".dds",
        ".exr",
        ".fits",
        ".hdr",
        ".lif",
        ".mha",
        ".mhd",
        ".mrxs",
        ".nd2",
        ".ndpi",
        ".nii",
        ".nrrd",
        ".svs",
    }
)
_BEGINS_AS_UNREAD = re.compile(rb".{4}ftyp(?:hei[cfmsx]|hev[cx]|mif1|msf1)|8BPS|\xff\x0a|\0{3}\x0cJXL ", re.DOTALL)
# Archives, films and arrays.
_MAY_HOLD_PICTURES = frozenset(
    {".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".npy", ".npz", ".mp4", ".avi", ".mov"}
)
# Made by those who pack and show folders.
_PACKERS = frozenset(
    {
        "__macosx",
        "thumbs.db",
        "desktop.ini",
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    }
)

HIDDEN, PACKED, EXCLUDED = "hidden", "left by a packer or a file manager", "excluded by data.exclude"
UNREAD_KIND = "images of a kind that is not read"
NO_PICTURE, IRREGULAR, LEADS_BACK = "no images", "neither files nor folders", "links that lead back"
_FOLDER = "folders that are read"
UNLISTED = "folders without permission to list them"


@dataclass(frozen=True, kw_only=True)
class Entries:
    """What lies below `root`, by paths from it, in the order of their names: `pictures`, and the others by reason.

    A folder counts as one entry where it is skipped as a whole, and as those in it where it is read.
    """

    root: Path
    pictures: tuple[PurePosixPath, ...]
    passed_over: Mapping[str, tuple[PurePosixPath, ...]] = field(default_factory=dict)
    bare_folders: tuple[PurePosixPath, ...] = ()
    """Folders without a picture in or below them."""
    linked_folders: tuple[Path, ...] = ()
    """The real places of the folders that links led to."""

    @property
    def missing_classes(self) -> tuple[PurePosixPath, ...]:
        """Those of the bare folders that may be a class whose pictures are missing, packed or of another kind.

        One with texts, such as "Annotations", is none.
        """
        others, unread = self.passed_over.get(NO_PICTURE, ()), [*self.passed_over.get(UNREAD_KIND, ())]
        unread += [place for place in others if place.suffix.lower() in _MAY_HOLD_PICTURES]
        with_texts, with_unread = (
            {folder for place in places for folder in place.parents} for places in (others, unread)
        )
        return tuple(each for each in self.bare_folders if each in with_unread or each not in with_texts)

    @property
    def num_found(self) -> int:
        """Pictures, and all that is skipped."""
        return len(self.pictures) + sum(map(len, self.passed_over.values()))


def find_entries(root: Path, *, exclude: Sequence[str] = (), skip_unreadable: bool = False) -> Entries:
    """Every entry below the folder `root`; links are followed, unless they lead back to a folder around them.

    What matches a pattern of `exclude` (as a shell has them, against the path from `root` or the name alone) is
    skipped. Raises DataError if a folder may not be listed, unless `skip_unreadable`.
    """
    pictures: list[PurePosixPath] = []
    folders: list[PurePosixPath] = []
    linked: list[Path] = []
    passed: dict[str, list[PurePosixPath]] = {}
    for place, reason in _walk(root, PurePosixPath(), (os.path.realpath(root),), exclude):
        if reason == UNLISTED and not skip_unreadable:
            raise DataError(f"{shown(str(root / place))}: cannot be listed; --skip-unreadable leaves it out")
        if reason == _FOLDER:
            folders.append(place)
            if (root / place).is_symlink():
                linked.append((root / place).resolve())
        else:
            (pictures if reason is None else passed.setdefault(reason, [])).append(place)
    filled = {folder for picture in pictures for folder in picture.parents}
    return Entries(
        root=root,
        pictures=in_order(pictures),
        passed_over={reason: in_order(places) for reason, places in sorted(passed.items())},
        bare_folders=in_order(set(folders) - filled),
        linked_folders=tuple(linked),
    )


def in_order(places: Iterable[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    """The places in the order of their names, in whatever Unicode form these are."""
    return tuple(sorted(places, key=lambda place: tuple(map(one_form, place.parts))))


def is_picture(path: Path) -> bool:
    """Whether a file holds a picture by how it begins, or is named as one."""
    return _reason_by_content(path) is None


def _walk(
    folder: Path, place: PurePosixPath, above: tuple[str, ...], exclude: Collection[str]
) -> Iterator[tuple[PurePosixPath, str | None]]:
    """Each entry below `folder` by its place, with why it is skipped; None if it is a picture."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except PermissionError:
        yield place, UNLISTED
        return
    for entry in entries:
        here = place / entry.name
        reason = _reason_by_name(here, exclude)
        if reason is not None:
            yield here, reason
        elif entry.is_dir():
            real = os.path.realpath(entry.path)
            # Also one to a folder that holds the whole set: whatever else is in that would be read as well.
            if any(os.path.commonpath([real, each]) == real for each in above):
                yield here, LEADS_BACK
            else:
                yield here, _FOLDER
                yield from _walk(Path(entry.path), here, (*above, real), exclude)
        elif not _is_regular(entry) and Path(entry.name).suffix.lower() not in EXTENSIONS:
            yield here, IRREGULAR
        else:
            yield here, _reason_by_content(Path(entry.path))


def _reason_by_content(path: Path) -> str | None:
    """Why a file is no picture to be read, by its ending and by how it begins; None if it is one."""
    if path.name.lower().endswith((*_UNREAD_EXTENSIONS, ".nii.gz")):
        return UNREAD_KIND
    if path.suffix.lower() in EXTENSIONS:
        return None
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return NO_PICTURE
    if _BEGINS_AS_UNREAD.match(head) is not None:
        return UNREAD_KIND
    return None if _BEGINS_AS_PICTURE.match(head) is not None else NO_PICTURE


def matches(place: PurePosixPath, pattern: str) -> bool:
    """Whether a path below the root, or its name, is as a shell's `pattern` says."""
    return fnmatchcase(str(place), pattern) or fnmatchcase(place.name, pattern)


def _reason_by_name(place: PurePosixPath, exclude: Collection[str]) -> str | None:
    if any(matches(place, pattern) for pattern in exclude):
        return EXCLUDED
    if place.name.lower() in _PACKERS:
        return PACKED
    return HIDDEN if place.name.startswith(".") else None


def _is_regular(entry: "os.DirEntry[str]") -> bool:
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False
