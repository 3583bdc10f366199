"""The reference of settings: complete, up to date, and true of what a recipe may hold."""

import copy

import jsonschema
import pytest

from gan_study.study import explain as explaining
from gan_study.study import reference_file
from gan_study.study.explain import all_settings, explain, read_reference
from gan_study.study.plan.recipe import load_recipe, recipe_names
from gan_study.study.reference import reference, to_text
from gan_study.study.reference_file import REFERENCE, member_files, read_reference_file
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.gans.catalog import VARIANTS


def test_the_file_is_what_the_code_says():
    assert REFERENCE.read_bytes() == to_text(reference()), "write it anew: python -m gan_study.study.reference"


def test_a_part_that_was_added_since_is_listed(monkeypatch):
    monkeypatch.setattr(
        reference_file, "member_files", lambda: [*member_files(), "trainables/gans/variants/new.py"]
    )
    assert read_reference_file() is None
    assert explaining.read_reference.__wrapped__() == reference()


def test_every_setting_has_a_meaning_and_a_type():
    bare = [each.key for each in all_settings() if not each.meaning or "any value" in each.kind]
    assert bare == []


def test_every_balancer_has_a_section():
    keys = {each.key for each in all_settings()}
    assert {f"balancers.{name}" for name in BALANCERS} <= keys


def test_a_setting_by_its_key():
    (found,) = explain("classifier.batch_size")
    assert (found.kind, found.default, found.meaning) == (
        "whole number at least 1 and at most 65536",
        "64",
        "Images an optimiser step.",
    )
    assert found.owner == "ClassifierConfig, trainables/classifiers/classifier.py"


def test_a_setting_by_the_end_of_its_key_in_each_of_its_meanings():
    own, gans, codes, flow = explain("learning_rate")
    assert (own.key, own.default) == ("classifier.learning_rate", "0.001")
    assert (codes.key, codes.default) == ("balancers.deep_smote.autoencoder.learning_rate", "0.001")
    assert (flow.key, flow.default) == ("balancers.flow_matching.flow.learning_rate", "0.002")
    assert gans.key == "balancers.NAME.gan.learning_rate"
    # Every variant once, behind its own default.
    names = [name for part in gans.default.split("; ") for name in part.partition("(")[2].rstrip(")").split(", ")]
    assert sorted(names) == sorted(VARIANTS)
    assert gans.default.startswith("0.0002 (acgan, ")


def test_a_setting_that_is_there_only_with_another():
    step, long_tailed = explain("imbalance/ratio")
    assert (step.when, long_tailed.when) == ("imbalance.profile is step", "imbalance.profile is long_tailed")
    assert step.default is None


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("classifier.epoch", "did you mean 'classifier.epochs'?"),
        ("validaton_fraction", "did you mean 'data.validation_fraction'?"),
        ("zzz", "sections: name, summary,"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(key, hint):
    with pytest.raises(ConfigError, match=hint.replace("?", r"\?")):
        explain(key)


@pytest.fixture(scope="module")
def validator():
    schema = read_reference()["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_follows_the_schema(validator, name):
    assert [error.message for error in validator.iter_errors(load_recipe(name))] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe: recipe["classifier"].update(epoch=3),
        lambda recipe: recipe["classifier"].update(epochs=0),
        lambda recipe: recipe["data"].update(fit="stretch"),
        lambda recipe: recipe["scales"]["ci"].update(classifer={}),
        lambda recipe: recipe["balancers"].update(dcgan={"gan": {"learning_rate": -1}}),
    ],
)
def test_mistakes_do_not_follow_it(validator, change):
    recipe = {"classifier": {}, "data": {}, "balancers": {}, "scales": {"ci": {}}, **load_recipe("quickstart")}
    recipe = copy.deepcopy(recipe)
    change(recipe)
    assert list(validator.iter_errors(recipe))
