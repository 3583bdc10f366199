import os
import socket
from pathlib import Path

import pytest

from gan_study.trainables.base import files
from gan_study.trainables.base.files import (
    Place,
    expand,
    full_path,
    named_path,
    open_regular,
    open_to_append,
    read_bytes,
)
from gan_study.trainables.base.settings import ConfigError, parse, settings


@pytest.fixture(params=["a pipe", "a socket", "a device", "a folder"])
def irregular(request, tmp_path, monkeypatch):
    """A path at which there is no regular file."""
    monkeypatch.chdir(tmp_path)
    path = Path("odd")
    if request.param == "a pipe":
        os.mkfifo(path)
    elif request.param == "a socket":
        # Relative, since a socket's path is a hundred characters at most.
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif request.param == "a folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    return path, request.param


@pytest.mark.parametrize("open_", [open_regular, open_to_append])
def test_only_regular_files_are_opened(irregular, open_):
    path, kind = irregular
    with pytest.raises(OSError, match=f"{kind}, but a file is needed") as raised:
        open_(path)
    assert raised.value.filename == str(path)


def test_a_link_to_a_pipe_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(OSError, match="a pipe"):
        read_bytes(tmp_path / "link")


def test_a_file_is_read_and_appended_to(tmp_path):
    for line in (b"one\n", b"two\n"):
        with open_to_append(tmp_path / "file") as file:
            file.write(line)
    assert read_bytes(tmp_path / "file") == b"one\ntwo\n"


def test_a_file_larger_than_the_memory_is_not_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**42)
    with pytest.raises(OSError, match="more than the free memory"):
        read_bytes(tmp_path / "sparse")


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(OSError, match="NUL"):
        read_bytes("a\0b")


def test_a_link_to_itself_has_a_full_path(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert full_path(loop) == loop
    with pytest.raises(OSError, match="symbolic links"):
        read_bytes(loop)


@settings
class Somewhere:
    place: Place | None = None


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-this-name/x", ""])
def test_a_place_that_cannot_be_is_refused(path):
    with pytest.raises(ConfigError, match=r"^place: "):
        parse(Somewhere, {"place": path}, where="")


def test_without_a_home_there_is_no_tilde(monkeypatch):
    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(files.Path, "expanduser", unknown)
    with pytest.raises(ConfigError, match="the home folder is not known"):
        expand("~/.cache")


def test_a_named_path_has_its_tilde_spelt_out_and_is_not_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named_path("~/study") == named_path(Path("~/study")) == tmp_path / "study"
    assert named_path("a/~") == Path("a/~")
    for path, said in (("", "a path is empty"), ("~no-such-person/x", "the home folder is not known")):
        with pytest.raises(ConfigError, match=said):
            named_path(path)


def test_files_are_read_in_one_place():
    """No other module opens what may be a pipe: `files.py` alone, and what it gave for the rest."""
    here = Path(files.__file__).parents[2]
    allowed = {
        # The files of this package itself, of the kernel, of Ray and W&B in this process, of its own processes.
        *("trainables/runtime/environment.py", "trainables/base/memory.py", "analysis/page/report.py"),
        "trainables/runtime/moment.py",
        *("study/run/tune_adapter.py", "study/watch/tracking.py", "study/run/ray_guard.py"),
        *("analysis/page/process.py", "trainables/runtime/moment.py"),
        "analysis/page/studies.py",
    }
    calls = (".read_bytes()", ".read_text(", "Image.open(", "np.load(")
    found = {
        str(path.relative_to(here))
        for room in ("study", "trainables", "analysis", "search_spaces")
        for path in (here / room).rglob("*.py")
        if any(call in path.read_text(encoding="utf-8") for call in calls)
    }
    # They take an open file, or bytes that were read or made.
    sources = {f"trainables/data/sources/{name}.py" for name in ("array_file", "torchvision_sets")}
    bytes_of = {"trainables/data/reading/depth.py", "analysis/plots/growth.py"}
    assert found - allowed == {"trainables/data/pixels.py", *sources, *bytes_of}
