"""Opens regular files only, since reading a pipe, a socket or a device may wait forever."""

import errno
import hashlib
import os
import re
import shlex
import stat
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, TypeAlias

from pydantic import AfterValidator

from gan_study.trainables.base.memory import free_bytes
from gan_study.trainables.base.settings import ConfigError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


# A URL, also after pathlib has removed one of its slashes. One letter would be a drive of Windows.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_NOT_HERE = "a URL (not shown, as it may contain a password); a local file or folder is needed"
_BLOCK_BYTES = 2**20
# As where a variable of the shell is not set.
_EMPTY = "a path is empty; the current folder is '.'"


def _check_place(path: str) -> str:
    if not path:
        raise ValueError(_EMPTY)
    if "\0" in path:
        raise ValueError(f"{path!r} contains a NUL character, which a path cannot")
    try:
        expand(path)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return path


# A setting that is the path of a file or a folder.
Place: TypeAlias = Annotated[str, AfterValidator(_check_place)]


def is_url(text: str) -> bool:
    """Whether `text` is a URL rather than a path."""
    return _URL.match(text) is not None


def expand(path: Path | str) -> Path:
    """`path` with `~` or `~name` replaced by the home folder.

    Raises ConfigError if that is unknown, and for a URL, which would be a folder called "https:".
    """
    if is_url(str(path)):
        raise ConfigError(_NOT_HERE)
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"{path}: the home folder is not known") from None


def full_path(path: Path | str) -> Path:
    """The absolute `path` without `~` and links; a link to itself is left, and fails when it is opened."""
    return Path(os.path.realpath(expand(path)))


def named_path(path: Path | str) -> Path:
    """`path` with its `~`, which a shell leaves in `--out=~/study`, replaced.

    Raises ConfigError for an empty path, which Python treats as the current folder, and for an unknown home
    folder.
    """
    if not str(path):
        raise ConfigError(_EMPTY)
    return expand(path)


def in_shell(path: Path | str) -> str:
    """A path quoted for a shell command."""
    return shlex.quote(str(path))


def open_regular(path: Path | str) -> BinaryIO:
    """The file `path`, open to be read as bytes.

    Raises OSError with the file name if there is none, or if it is a pipe, a socket, a device or a folder.
    """
    return _open(Path(path), os.O_RDONLY, "rb")


def sha256_of(path: Path | str) -> str:
    """The SHA-256 of a regular file's bytes, as 64 hexadecimal digits; raises OSError as `read_bytes` does."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


def same_bytes(one: Path | str, other: Path | str) -> bool:
    """Whether two regular files hold the same bytes; raises OSError as `open_regular` does."""
    with open_regular(one) as first, open_regular(other) as second:
        if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
            return False
        while block := first.read(_BLOCK_BYTES):
            if block != second.read(_BLOCK_BYTES):
                return False
    return True


def open_to_append(path: Path | str) -> BinaryIO:
    """The file `path`, created if missing, open for appending; raises OSError in the same cases."""
    return _open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, "ab")


def read_bytes(path: Path | str) -> bytes:
    """The content of a regular file; raises OSError as `open_regular` does, and if it is larger than the free
    memory.
    """
    with open_regular(path) as file:
        size, free = os.fstat(file.fileno()).st_size, free_bytes()
        if free is not None and size > free:
            raise OSError(errno.EFBIG, f"{size / 1e9:,.1f} GB are more than the free memory", str(path))
        return file.read()


def read_text(path: Path | str, *, errors: str = "strict") -> str:
    """The content of a regular file as UTF-8; raises OSError as `open_regular` does, and UnicodeDecodeError."""
    return read_bytes(path).decode("utf-8", errors)


def _open(path: Path, flags: int, mode: Literal["rb", "ab"]) -> BinaryIO:
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a path cannot contain a NUL character", str(path))
    # Looked at first, since opening a device may do something, and afterwards, since another may have taken the
    # file's place. Without O_NONBLOCK a pipe would be waited for.
    if path.exists():
        _refuse_irregular(path, path.stat().st_mode)
    file: BinaryIO = os.fdopen(os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666), mode)
    try:
        _refuse_irregular(path, os.fstat(file.fileno()).st_mode)
    except OSError:
        file.close()
        raise
    return file


def _refuse_irregular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"{kind}, but a file is needed", str(path))
