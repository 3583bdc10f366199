import sys

import pytest

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.plugins import find_reference, load, registered
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.metrics import metric_name
from gan_study.trainables.gans.catalog import VARIANTS
from tests.plugin_packages import install


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that packages are installed in; what is imported of them is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_registered_parts_are_known_by_their_metadata_alone(folder):
    install(
        folder,
        "zoo_a",
        "raise SystemExit",
        classifiers={"zebra": "zoo_a:LINEAR"},
        metrics={"m": "zoo_a.x:f [all]"},
    )
    found = {each.name: each for each in registered("classifiers", "metrics") if each.package == "zoo_a 1.0"}
    assert {name: (each.kind, each.reference) for name, each in found.items()} == {
        "zebra": ("classifiers", "zoo_a:LINEAR"),
        "m": ("metrics", "zoo_a.x:f"),
    }
    assert "zebra" in CLASSIFIERS and "zebra" not in BALANCERS
    assert "zoo_a" not in sys.modules


def test_a_package_that_is_installed_meanwhile_is_found(folder):
    assert find_reference("late", "classifiers", where="here") is None
    install(folder, "zoo_late", classifiers={"late": "zoo_late:LINEAR"})
    assert find_reference("late", "classifiers", where="here") == "zoo_late:LINEAR"


@pytest.mark.parametrize("name", ["striped", "zoo_b:LINEAR", "zoo_b:Holder.linear"])
def test_a_member_bears_the_name_by_which_it_was_asked_for(folder, name):
    install(folder, "zoo_b", classifiers={"striped": "zoo_b:LINEAR"})
    found = CLASSIFIERS.find(name, where="here")
    assert found.name == name and found.summary == "the pixels"
    assert CLASSIFIERS[name] is found
    assert name not in list(CLASSIFIERS)


def test_a_gan_of_others_is_a_way_of_balancing_under_one_name(folder):
    source = "from gan_study.trainables.gans.variants.dcgan import DCGAN as THEIRS"
    install(folder, "zoo_c", source, gans={"theirs": "zoo_c:THEIRS"})
    for name in ("theirs", "zoo_c:THEIRS"):
        assert BALANCERS[name].variant == VARIANTS[name]
        balancing = BALANCERS[name].parse({"gan": {"generator_steps": 3}}, name)
        assert (balancing.name, balancing.gan.generator_steps) == (name, 3)


def test_own_names_go_before_those_of_others(folder):
    install(folder, "zoo_d", classifiers={"mlp": "zoo_d:LINEAR"})
    assert CLASSIFIERS["mlp"].summary != "the pixels"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stripd", "'stripd' is unknown; did you mean 'striped'?"),
        ("no_such_module:X", "'no_such_module:X': cannot import 'no_such_module' (ModuleNotFoundError: "),
        ("zoo_e:MISSING", "'zoo_e:MISSING': module 'zoo_e' has no 'MISSING'"),
        ("zoo_e:", "'zoo_e:': module 'zoo_e' has no ''"),
        (":X", "':X': cannot import ''"),
        ("zoo_e:NUMBER", "'zoo_e:NUMBER' is a int; a ClassifierModel is needed"),
        ("broken", "'zoo_f:X': cannot import 'zoo_f' (SystemExit: 3, which ends the process)"),
        ("raising", "'zoo_g:X': cannot import 'zoo_g' (ValueError: two lines); "),
        (
            "twice",
            "'twice' is registered twice or more: zoo_e:LINEAR (zoo_e 1.0) and zoo_f:X (zoo_f 1.0); name one",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(folder, name, message):
    install(folder, "zoo_e", classifiers={"striped": "zoo_e:LINEAR", "twice": "zoo_e:LINEAR"})
    install(folder, "zoo_f", "raise SystemExit(3)", classifiers={"broken": "zoo_f:X", "twice": "zoo_f:X"})
    install(folder, "zoo_g", "raise ValueError('two\\nlines')", classifiers={"raising": "zoo_g:X"})
    with pytest.raises(ConfigError) as error:
        CLASSIFIERS.find(name, where="classifier.name")
    assert str(error.value).startswith(f"classifier.name: {message}")
    assert "\n" not in str(error.value)


def test_a_registered_metric_is_named_by_its_place(folder):
    install(folder, "zoo_h", metrics={"theirs": "zoo_h:f", "accuracy": "zoo_h:g"})
    names = {"theirs": "zoo_h:f", "accuracy": "accuracy", "x.y:z": "x.y:z", "unknown": "unknown"}
    assert {name: metric_name(name) for name in names} == names


def test_loading_a_module_gives_its_attribute(folder):
    install(folder, "zoo_k")
    assert load("zoo_k:NUMBER", where="here") == 3
