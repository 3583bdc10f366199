"""The project's sources elsewhere, and what is built from them."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("study", "search_spaces", "trainables", "analysis")


def copy_sources(place: Path) -> Path:
    """A copy of what distributions are built from, its links as links."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("gan_study", *FOLDERS):
        shutil.copytree(ROOT / name, place / name, ignore=unwanted, symlinks=True)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / name)
    return place


def build(kind: str, sources: Path, out: Path) -> Path:
    """The "sdist", "wheel" or "editable" that setuptools makes of `sources`, in the new folder `out`."""
    code = f"import sys, setuptools.build_meta as backend; backend.build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, out], cwd=sources, check=True, capture_output=True, text=True)
    [built] = out.iterdir()
    return built


def wheel_of_sdist(place: Path) -> tuple[Path, Path]:
    """The source distribution, and the wheel that is built from it alone."""
    sdist = build("sdist", copy_sources(place / "sources"), place / "sdist")
    shutil.unpack_archive(sdist, place / "unpacked", filter="data")
    [unpacked] = (place / "unpacked").iterdir()
    return sdist, build("wheel", unpacked, place / "wheel")
