"""The files of a part from outside are found without importing them."""

import sys

import pytest

from gan_study.trainables.base.plugin_code import module_file, part_modules, part_versions
from tests.plugin_packages import install

# None of the modules here is ever imported.
FAILS = "raise SystemExit\n"


def write(folder, **sources):
    """Modules by name; a name of two parts, with __ between them, lies in a folder."""
    for name, source in sources.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FAILS + source, encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = {*sys.modules}
    yield tmp_path
    assert not [name for name in {*sys.modules} - before if name.startswith("yard")]


def test_the_file_of_a_module(folder):
    write(folder, yard_a="", yard_b__inner__leaf="", yard_c__leaf="")
    for package in (folder / "yard_b", folder / "yard_b" / "inner"):
        (package / "__init__.py").write_text(FAILS)
    assert module_file("yard_a") == folder / "yard_a.py"
    assert module_file("yard_b.inner") == folder / "yard_b" / "inner" / "__init__.py"
    assert module_file("yard_b.inner.leaf") == folder / "yard_b" / "inner" / "leaf.py"
    # A folder without `__init__.py` has no file, but the modules in it have.
    assert module_file("yard_c") is None
    assert module_file("yard_c.leaf") == folder / "yard_c" / "leaf.py"
    for name in ("no_such_module", "", "sys", "yard_a.leaf", "yard_b.missing"):
        assert module_file(name) is None


@pytest.mark.parametrize(
    "source",
    [
        "import yard_help",
        "import os, yard_help as other",
        "from yard_help import X",
        "from yard_help import *",
        "def later():\n    from yard_help import X",
        "try:\n    import yard_help\nexcept ImportError:\n    pass",
        "import importlib\nhelp = importlib.import_module('yard_help')",
        "from importlib import import_module\nhelp = import_module('yard_help')",
        "help = __import__('yard_help')",
        "import yard_between",
    ],
)
def test_what_a_module_imports_belongs_to_it(folder, source):
    write(folder, yard_part=source, yard_help="import yard_part, torch, json", yard_between="import yard_help")
    found = part_modules("yard_part:X")
    assert {*found} - {"yard_between"} == {"yard_part", "yard_help"}
    assert found["yard_help"] == folder / "yard_help.py"


def test_a_package_its_relative_imports_and_a_folder_without_init(folder):
    write(
        folder,
        yard_pack____init__="",
        yard_pack__part="from . import near\nfrom .deep.leaf import X\nfrom yard_free import far",
        yard_pack__near="from .sister import *",
        yard_pack__sister="",
        yard_pack__stranger="",
        yard_pack__deep____init__="from ..aunt import X",
        yard_pack__deep__leaf="",
        yard_pack__aunt="",
        yard_free__far="",
    )
    (folder / "yard_pack" / "__init__.py").write_text("from . import first\n")
    (folder / "yard_pack" / "first.py").write_text(FAILS)
    (folder / "yard_pack" / "deep" / "__init__.py").write_text("from ..aunt import X\n")
    assert [*part_modules("yard_pack.part:X")] == [
        "yard_free.far",
        "yard_pack",
        "yard_pack.aunt",
        "yard_pack.deep",
        "yard_pack.deep.leaf",
        "yard_pack.first",
        "yard_pack.near",
        "yard_pack.part",
        "yard_pack.sister",
    ]


def test_an_installed_part_has_its_own_distribution_and_no_other(tmp_path, monkeypatch):
    installed = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(str(installed))
    install(installed, "yard_mine", "import yard_helper, yard_other")
    for name in ("yard_helper", "yard_other"):
        (installed / f"{name}.py").write_text(FAILS)
    (installed / "yard_mine-1.0.dist-info" / "top_level.txt").write_text("yard_mine\nyard_helper\n")
    assert [*part_modules("yard_mine:X")] == ["yard_helper", "yard_mine"]
    assert part_versions("yard_mine:X") == {"yard_mine": "1.0"}
    assert part_versions("yard_other:X") == {}


def test_a_module_that_python_cannot_read_is_there_itself(folder):
    write(folder, yard_wrong="import yard_help(\n", yard_help="")
    assert [*part_modules("yard_wrong:X")] == ["yard_wrong"]
