import json
import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gan_study.study.plan.config import parse_study, resolve_study
from gan_study.study.plan.overlay import merge
from gan_study.study.plan.recipe import apply_assignments, at_scale, load_recipe, recipe_names, study_config
from gan_study.study.plan.trials import baseline_trials
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.data.sources.torchvision_sets import CIFAR10_SET, FASHION_MNIST_SET
from gan_study.trainables.gans.length import LENGTHS
from gan_study.trainables.image_quality.extractor import NUM_FEATURES
from gan_study.trainables.trial.config import gan_settings


@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize("scale", ["full", "ci"])
def test_every_recipe_is_a_study_at_both_sizes(name, scale):
    config = study_config(name, [f"scale={scale}"])
    assert config.name == name
    assert config.scale == scale
    assert config.summary
    assert parse_study(dump(config)) == config
    # What `show` prints is itself a recipe of the same study.
    assert parse_study(yaml.safe_load(yaml.safe_dump(resolve_study(config)))).space() == config.space()


@pytest.mark.parametrize("published", [FASHION_MNIST_SET, CIFAR10_SET], ids=lambda published: published.name)
@pytest.mark.parametrize("scale", ["full", "ci"])
def test_the_distances_of_document_004_can_be_taken_at_both_sizes(published, scale):
    config = study_config(f"bagan-gp-{published.name.removesuffix('_mnist')}", [f"scale={scale}"])
    num_classes = len(published.class_names)
    whole = (config.data.train_size or 50_000) // num_classes
    smallest = min(config.imbalance.targets([whole] * num_classes, published.class_names))
    # A Frechet distance needs more training images than features.
    assert round(smallest * (1 - config.data.validation_fraction)) > NUM_FEATURES


def test_an_assignment_changes_one_setting():
    values = apply_assignments({"search": {"trials": 3, "seed": 1}}, ["search.trials=5", "classifier.epochs=2"])
    assert values == {"search": {"trials": 5, "seed": 1}, "classifier": {"epochs": 2}}


def test_a_section_that_replaces_an_earlier_setting_is_refused():
    section, inside = "classifier={epochs: 2}", "classifier.batch_size=8"
    values = apply_assignments({}, [section, inside, "classifier_=3"])
    assert values == {"classifier": {"epochs": 2, "batch_size": 8}, "classifier_": 3}
    with pytest.raises(ConfigError, match=r"--set classifier: .* classifier\.batch_size with it; put it first"):
        apply_assignments({}, [inside, section])


def test_another_profile_drops_the_settings_of_the_old_one():
    values = apply_assignments({"imbalance": {"profile": "step", "ratio": 10}}, ["imbalance.profile=natural"])
    assert values == {"imbalance": {"profile": "natural"}}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("classifier.epoch=3", "classifier.epoch: unknown key; did you mean 'epochs'?"),
        ("clasifier.epochs=3", "clasifier: unknown key; did you mean 'classifier'?"),
        ("classifier.epochs=none", "classifier.epochs: 'none' cannot be used"),
        ("classifier.name=simple_cn", "classifier.name: 'simple_cn' is unknown; did you mean 'simple_cnn'?"),
        ("data.name=mnit", "data.name: 'mnit' is unknown; did you mean 'mnist'?"),
        ("data.image_size=30", "data.image_size: "),
        ("imbalance.ratio=0.5", "imbalance.ratio: 0.5 cannot be used; input should be greater than or equal to 1"),
        ("imbalance.profile=stp", "imbalance: "),
        ("imbalance.rati=2", "imbalance.rati: unknown key; did you mean 'ratio'?"),
        ("baselines=[non]", "baselines: 'non' is unknown; did you mean 'none'?"),
        ("balancers={wgan_pg: {}}", "balancers: 'wgan_pg' is unknown; did you mean 'wgan_gp'?"),
        (
            "balancers={wgan_gp: {gan: {epoch: 3}}}",
            "balancers.wgan_gp.gan.epoch: unknown key; did you mean 'epochs'?",
        ),
        ("search.space=gan_variant", "search.space: 'gan_variant' is unknown; did you mean 'gan_variants'?"),
        (
            "search.parameters.balancing/gan/generator_step={kind: int, low: 1, high: 2}",
            "search.parameters.balancing/gan/generator_step: ",
        ),
        (
            "search.parameters.balancing/name={kind: choice, options: [none, vanilla_gan, dcgan, cgan]}",
            "search.parameters.balancing/name: 'none'",
        ),
        (
            "search.parameters.balancing/gan/weight_clip@dcgan={kind: choice, options: [null, 0.1]}",
            "None cannot be searched; numbers, texts, true and false can",
        ),
        (
            "search.parameters.imbalance/ratio={kind: choice, options: [0.5]}",
            "search.parameters.imbalance/ratio: 0.5",
        ),
        (
            "search.parameters.data/name={kind: choice, options: [x]}",
            "search.parameters.data/name: only imbalance/ratio",
        ),
        ("search.parameters.balancing/balance_to={low: 0.5, high: 1}", "needs a key 'kind'"),
        ("objective=minority_f2", "objective: 'minority_f2' is unknown; did you mean 'minority_f1'?"),
        ("objective=expected_cost", "objective: 'expected_cost' needs costs"),
        ("costs={3: {8: -1}}", "costs.3.8: -1 cannot be used; input should be greater than or equal to 0"),
        ("confirm.seeds=[0]", "confirm.seeds contains the search seed 0"),
        ("confirm.seeds=[]", "confirm.seeds: "),
        ("wandb.mode=onlin", "wandb.mode: 'onlin' cannot be used; input should be 'off', 'offline' or 'online'"),
        ("nonsense", "--set 'nonsense': write key=value"),
        *((f"{key}=3", f"--set '{key}=3': write key=value") for key in (".x", "search..trials", "a. .x", "x.")),
        ("scale=cii", "scale: 'cii' is not a size of this study; did you mean 'ci'?"),
        ("name.x=1", "--set name.x: name has the value 'quickstart' which has no settings inside"),
        ("search={", "--set 'search={': the value is not YAML"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(assignment, message):
    with pytest.raises(ConfigError) as error:
        study_config("quickstart", [assignment])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_thresholds_of_scores_that_are_no_log_probabilities_are_refused():
    config = study_config("quickstart", ["classifier.name=vgg_svm", "baselines=[threshold_moving]"])
    with pytest.raises(ConfigError, match="'threshold_moving' cannot be used with classifier 'vgg_svm'"):
        list(baseline_trials(config))


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(
        ConfigError, match=r"'quikstart' is neither a recipe nor a file; did you mean 'quickstart'\?"
    ):
        load_recipe("quikstart")


def test_a_recipe_is_also_a_file_or_an_earlier_study(tmp_path):
    config = study_config("quickstart")
    (tmp_path / "mine.yaml").write_text("imbalance: {profile: natural}\n")
    assert load_recipe(str(tmp_path / "mine.yaml"))["name"] == "mine"
    from gan_study.study.run.folder import create_study_folder

    create_study_folder(tmp_path / "study", config, {})
    assert parse_study(load_recipe(str(tmp_path / "study" / "study.json"))) == config


def test_a_file_may_name_its_size_and_its_name(tmp_path):
    """`scale` in a file was kept in the study's settings, which were those of the full size."""
    file = tmp_path / "mine.yaml"

    def config(text, *assignments):
        file.write_text(text)
        return study_config(file, assignments)

    small = study_config("quickstart", ["scale=ci"])
    inherited = config("extends: quickstart\nscale: ci\nname: other\n")
    assert inherited.name == "other" and dump(inherited) == {**dump(small), "name": "other"}
    # What the file says itself holds at that size, and its sizes come on top of the recipe's.
    own = "extends: quickstart\nscale: ci\nconfirm: {seeds: [7, 8]}\nscales: {ci: {classifier: {epochs: 2}}}\n"
    assert config(own).confirm == replace(small.confirm, seeds=(7, 8))
    assert config(own).classifier.epochs == 2 and config(own).search == small.search
    alone = (
        "scale: a\ndata: {name: digits}\nimbalance: {profile: natural}\nscales: {a: {classifier: {epochs: 2}}}\n"
    )
    assert (config(alone).scale, config(alone).classifier.epochs) == ("a", 2)
    assert config(alone, "scale=a") == config(alone)
    # What `show` prints of a size is a recipe of that size alone.
    printed = yaml.safe_dump(resolve_study(small))
    assert config(printed) == config(printed, "scale=ci") and config(printed).scale == "ci"
    for text, assignments, message in (
        (printed, ["scale=full"], "these are only the settings of size 'ci'"),
        (alone, ["scale=full"], "these are only the settings of size 'a'"),
        ("extends: quickstart\nscale: cii\n", [], "'cii' is not a size of this study; did you mean 'ci'"),
        ("extends: quickstart\nscale: [ci]\n", [], "['ci'] is not a size of this study"),
        ("extends: quickstart\nscale: null\n", [], "None is not a size of this study"),
        ("extends: quickstart\nscales: [ci]\n", [], "a name and changes for each size are needed"),
        ("extends: quickstart\nscales: {ci: [1]}\n", [], "scales.ci: "),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            config(text, *assignments)


@pytest.mark.parametrize("text", ["- a list", "a: [", "\x00"])
def test_a_file_that_is_not_a_recipe_is_refused(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load_recipe(str(tmp_path / "bad.yaml"))


def test_what_stands_twice_may_be_an_alias(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "extends: quickstart\nbalancers: {dcgan: &short {gan: {generator_steps: 7}}, vanilla_gan: *short}\n"
    )
    gans = [study_config(str(file)).balancers[name]["gan"] for name in ("dcgan", "vanilla_gan")]
    assert [gan["generator_steps"] for gan in gans] == [7, 7]


@pytest.mark.parametrize("lines", [8, 80])
def test_aliases_of_aliases_that_no_memory_holds_are_refused_at_once(tmp_path, lines):
    file = tmp_path / "mine.yaml"
    tens = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(lines))
    file.write_text("".join(tens))
    with pytest.raises(ConfigError, match=r"its aliases expand to more than 1,000,000 characters"):
        study_config(str(file))


def test_a_size_changes_what_it_names_and_leaves_the_rest():
    values = {
        "classifier": {"epochs": 9, "batch_size": 4},
        "imbalance": {"profile": "step", "ratio": 10},
        "scales": {"ci": {"classifier": {"epochs": 1}, "imbalance": {"profile": "natural"}}},
    }
    small = at_scale(values, "ci")
    assert small == {"classifier": {"epochs": 1, "batch_size": 4}, "imbalance": {"profile": "natural"}}
    assert at_scale(values, "full") == {key: value for key, value in values.items() if key != "scales"}


def test_an_assignment_goes_before_the_size():
    assert study_config("quickstart", ["classifier.epochs=7", "scale=ci"]).classifier.epochs == 7


def test_a_study_of_one_size_can_be_read_back_at_that_size(tmp_path):
    from gan_study.study.run.folder import create_study_folder

    config = study_config("quickstart", ["scale=ci"])
    create_study_folder(tmp_path / "study", config, {})
    path = str(tmp_path / "study" / "study.json")
    assert study_config(path) == study_config(path, ["scale=ci"]) == config


def test_a_recipe_that_extends_another_is_its_difference(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: quickstart\nclassifier: {batch_size: 7}\n")
    mine, base = study_config(str(tmp_path / "mine.yaml")), study_config("quickstart")
    assert mine.name == "mine"
    assert mine.classifier.batch_size == 7
    assert mine.classifier.epochs == base.classifier.epochs
    assert mine.imbalance == base.imbalance


def test_extending_something_unknown_names_the_nearest(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: quikstart\n")
    with pytest.raises(ConfigError, match="did you mean 'quickstart'"):
        study_config(str(tmp_path / "mine.yaml"))


def test_a_section_with_a_kind_is_replaced_as_a_whole():
    ranges = {"a": {"kind": "int", "low": 1, "high": 2}}
    change = {"a": {"kind": "choice", "options": [1]}}
    assert merge({"search": ranges}, {"search": change}) == {"search": change}


def test_resolved_settings_of_a_balancer_do_not_repeat_its_name():
    balancers = resolve_study(study_config("quickstart"))["balancers"]
    assert "dcgan" in balancers
    assert [name for name, settings in balancers.items() if "name" in settings] == []


def test_costs_name_classes_that_yaml_takes_for_numbers_and_change_no_trial():
    plain, costly = study_config("quickstart"), study_config("quickstart", ["costs={3: {8: 5}}", "objective=ece"])
    assert costly.costs == {"3": {"8": 5.0}}
    first, second = (list(baseline_trials(config)) for config in (plain, costly))
    assert [trial.trial_id for trial in first] == [trial.trial_id for trial in second]
    assert second[0].purpose.costs == costly.costs and second[0].purpose.metric == "ece"


LENGTH_TEXTS = st.fixed_dictionaries(
    {},
    optional={
        "generator_steps": st.integers(1, 9000),
        "most_generator_steps": st.integers(1, 9000),
        "epochs": st.integers(1, 300),
    },
)


def length(config):
    gan = gan_settings(config.balancing_by("dcgan"))
    return {name: value for name in LENGTHS if (value := getattr(gan, name)) is not None}


@settings(max_examples=60, deadline=None)
@given(before=LENGTH_TEXTS, change=LENGTH_TEXTS.filter(bool), way=st.sampled_from(("set", "scale")))
def test_a_gans_length_replaces_all_that_a_recipe_says_of_it(tmp_path_factory, before, change, way):
    assume(not ("epochs" in before and len(before) > 1))
    assume(before.get("most_generator_steps", 9000) >= before.get("generator_steps", 2000))
    path = tmp_path_factory.mktemp("recipe") / "study.yaml"
    scales = {"other": {"balancers": {"dcgan": {"gan": change}}}}
    path.write_text(
        json.dumps({"extends": "quickstart", "balancers": {"dcgan": {"gan": before}}, "scales": scales})
    )
    assigned = [f"balancers.dcgan.gan.{name}={value}" for name, value in change.items()]
    asked = assigned if way == "set" else ["scale=other"]
    if "epochs" in change and len(change) > 1:
        with pytest.raises(ConfigError, match="epochs"):
            study_config(str(path), asked)
        return
    # A cap keeps the least length that was, if that was no number of epochs.
    kept = before.get("generator_steps", 2000 if "epochs" in before else 400)
    expected = {"generator_steps": kept, **change} if "most_generator_steps" in change else change
    if expected.get("most_generator_steps", 9000) < expected.get("generator_steps", 0):
        with pytest.raises(ConfigError, match="must be at least generator_steps"):
            study_config(str(path), asked)
        return
    assert length(study_config(str(path), asked)) == expected


def test_epochs_and_a_cap_do_not_go_together():
    given = ["balancers.dcgan.gan.epochs=3", "balancers.dcgan.gan.most_generator_steps=100"]
    with pytest.raises(
        ConfigError, match="most_generator_steps can only be used with generator_steps, the minimum length"
    ):
        study_config("quickstart", given)
