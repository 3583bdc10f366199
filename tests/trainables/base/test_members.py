import sys
from dataclasses import dataclass

import pytest

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.gans.catalog import VARIANTS


@dataclass(frozen=True)
class Member:
    name: str
    size: int = 0


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes a package of the given modules, each a name and its source, and imports it."""

    def write(name, **modules):
        folder = tmp_path / name
        folder.mkdir()
        for module, source in {"__init__": "", **modules}.items():
            head = f"from {__name__} import Member\n"
            (folder / f"{module}.py").write_text(head + source)
        monkeypatch.syspath_prepend(str(tmp_path))
        __import__(name)
        return sys.modules[name]

    return write


def test_members_are_collected_from_all_modules_by_name_but_the_first(package):
    members = package("zoo", one='B = Member("b")\nZ = Member("z")\nNOT_ONE = 3', two='A = Member("a")')
    assert list(collect_members(members, Member)) == ["a", "b", "z"]
    assert list(collect_members(members, Member, first=("z",))) == ["z", "a", "b"]


def test_a_member_that_another_module_imports_is_one_member(package):
    members = package("farm", one='A = Member("a")', two='from farm.one import A\nB = Member("b", A.size)')
    assert list(collect_members(members, Member)) == ["a", "b"]


def test_two_members_of_one_name_are_refused(package):
    members = package("pair", one='A = Member("a")', two='A = Member("a", 1)')
    with pytest.raises(ValueError, match=r"pair\.two: another member of pair is called 'a'"):
        collect_members(members, Member)


def test_the_variants_keep_the_order_that_suggestions_depend_on():
    assert list(VARIANTS) == [
        *("vanilla_gan", "fc_dcgan", "dcgan", "lsgan", "cgan", "cgan_sngp", "wgan", "wgan_gp", "dragan", "acgan"),
        *("bagan", "bagan_gp", "projection_sngan", "r3gan"),
    ]
