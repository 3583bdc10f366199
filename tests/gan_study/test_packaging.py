"""The links in gan_study/ reach every place that the project is installed to or copied to."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.distributions import FOLDERS, ROOT, build, copy_sources, wheel_of_sdist

# A fresh process reads a recipe from the copy in argv[1], and says where it lies.
_USE = "import gan_study; gan_study.study_config('quickstart'); print(gan_study.study.__file__)"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    return wheel_of_sdist(tmp_path_factory.mktemp("distributions"))


def package_files():
    """All files of the package, by their paths in it."""
    own = [path.relative_to(ROOT) for path in (ROOT / "gan_study").iterdir() if path.is_file()]
    linked = [path.relative_to(ROOT) for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    files = {*map(str, own), *(f"gan_study/{path}" for path in linked)}
    return {name for name in files if "__pycache__" not in name}


def assert_usable(folder):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    place = subprocess.check_output([sys.executable, "-c", _USE], cwd=folder, env=environment, text=True).strip()
    assert place == f"{folder}/gan_study/study/__init__.py"


def test_the_four_folders_are_relative_links():
    links = {path.name: str(path.readlink()) for path in (ROOT / "gan_study").iterdir() if path.is_symlink()}
    assert links == {name: f"../{name}" for name in FOLDERS}


def test_the_wheel_of_the_source_distribution_holds_the_package_whole_and_nothing_beside_it(distributions):
    with zipfile.ZipFile(distributions[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == package_files()
    assert {"gan_study/py.typed", "gan_study/study/recipes/quickstart.yaml"} <= names
    assert {
        "gan_study/analysis/page/templates/page.js",
        "gan_study/trainables/export/templates/data_card.md.j2",
    } <= names


def test_the_source_distribution_holds_real_files_and_only_the_package(distributions):
    with tarfile.open(distributions[0]) as sdist:
        members = sdist.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    inside = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert {name for name in inside if name.startswith("gan_study/")} == package_files()
    folders = {name.partition("/")[0] for name in inside if "/" in name}
    assert folders == {"gan_study", "gan_study.egg-info"}


def test_an_editable_install_exposes_the_package_alone(tmp_path):
    sources = copy_sources(tmp_path / "sources")
    with zipfile.ZipFile(build("editable", sources, tmp_path / "editable")) as wheel:
        [finder] = [name for name in wheel.namelist() if name.endswith("_finder.py")]
        code = wheel.read(finder).decode()
    [mapping] = re.findall(r"^MAPPING: .*? = (.*)$", code, re.MULTILINE)
    assert mapping == repr({"gan_study": str(sources / "gan_study")})


def test_nothing_is_built_from_a_copy_that_lost_the_links(tmp_path):
    sources = copy_sources(tmp_path / "sources")
    for name in FOLDERS:
        (sources / "gan_study" / name).unlink()
        (sources / "gan_study" / name).write_text(f"../{name}")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        build("wheel", sources, tmp_path / "wheel")
    assert "lost its links" in failed.value.stderr


@pytest.mark.parametrize(("what", "with_its_name"), [(".", False), ("gan_study", True)], ids=["dir", "module"])
def test_ray_uploads_files_in_place_of_links(tmp_path, what, with_its_name):
    """As `working_dir`, the checkout, and as one of `py_modules`, the package."""
    from tests.ray_internals import create_package

    sources = copy_sources(tmp_path / "sources")
    package = tmp_path / "package.zip"
    create_package(str(sources / what), package, include_gitignore=True, include_parent_dir=with_its_name)
    zipfile.ZipFile(package).extractall(tmp_path / "worker")
    assert_usable(tmp_path / "worker")


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_rsync_as_ray_up_calls_it_keeps_the_links(tmp_path):
    sources = copy_sources(tmp_path / "sources")
    filters = ["--exclude", ".git/", "--filter", "dir-merge,- .gitignore"]
    subprocess.run(["rsync", "-avz", *filters, f"{sources}/", tmp_path / "head"], check=True, capture_output=True)
    assert (tmp_path / "head" / "gan_study" / "study").is_symlink()
    assert_usable(tmp_path / "head")
