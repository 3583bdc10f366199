"""What a study remembers of its data, and where it may not be written."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.recipe import study_config
from gan_study.study.plan.trials import baseline_trials
from gan_study.study.run.data_checks import (
    check_networks,
    find_changed_data,
    refuse_changed_data,
    refuse_nothing_to_generate,
    refuse_output_in_data,
    split_data,
    take_fingerprint,
    with_absolute_paths,
)
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.watch.check import check_study
from gan_study.trainables.base.settings import ConfigError, DataError, UserError
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig
from tests.study.plan.test_planner import STUDY
from tests.study.simulation import made_up_record
from tests.trainables.classifiers.tiny_weights import MODEL, write_weights
from tests.trainables.data.tiny_sets import write_classes


@pytest.fixture
def images(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(8):
            (tmp_path / "images" / name / f"{i}.png").write_bytes(f"{name} {i}".encode())
    return tmp_path / "images"


@pytest.fixture
def config(images):
    own = {"data": {"name": "imagefolder", "root": str(images)}, "imbalance": {"profile": "natural"}}
    space = {"parameters": {"balancing/name": {"kind": "choice", "options": ["dcgan"]}}, "trials": 0}
    return parse_study({**STUDY, **own, "search": space, "objective": "own.scores:mean"})


@pytest.fixture
def root(tmp_path, config, monkeypatch):
    (tmp_path / "modules" / "own").mkdir(parents=True)
    (tmp_path / "modules" / "own" / "__init__.py").write_text("raise RuntimeError('not to be imported')")
    (tmp_path / "modules" / "own" / "scores.py").write_text("def mean(labels, probabilities, weights): ...")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    create_study_folder(tmp_path / "study", config, {}, data=take_fingerprint(config))
    return tmp_path / "study"


def found(root):
    return [str(each) for each in check_study(root).findings if each.where in ("data", "records.jsonl")]


def test_data_that_were_changed_are_refused_and_named(root, images, config):
    refuse_changed_data(root, read_manifest(root), take_fingerprint(config))
    assert found(root) == []
    (images / "cat" / "0.png").rename(images / "dog" / "x.png")
    said = "have changed since the study began: 1 file moved (cat/0.png to dog/x.png); restore them"
    with pytest.raises(DataError) as error:
        refuse_changed_data(root, read_manifest(root), take_fingerprint(config))
    assert said in str(error.value)
    assert found(root) == ["data: have changed since the study began: 1 file moved (cat/0.png to dog/x.png)"]


def test_the_module_of_an_objective_is_among_the_data_and_is_not_imported(root, config, tmp_path):
    (tmp_path / "modules" / "own" / "scores.py").write_text("def mean(labels, probabilities, weights): return 1")
    changed = find_changed_data(root, read_manifest(root), take_fingerprint(config))
    assert changed == "1 file changed (the module own.scores)"


def test_without_the_list_of_files_a_change_is_found_all_the_same(root, images, config):
    (root / "origin.json.gz").unlink()
    assert find_changed_data(root, read_manifest(root), take_fingerprint(config)) is None
    (images / "cat" / "0.png").unlink()
    changed = find_changed_data(root, read_manifest(root), take_fingerprint(config))
    assert changed == "the changed files are not known"


def test_where_there_are_no_data_a_check_says_so_and_finds_nothing_wrong(root, images):
    shutil.rmtree(images)
    assert found(root) == [f"data: not compared ({images}: no such folder)"]
    assert not any(each.is_wrong for each in check_study(root).findings if each.where == "data")


def test_records_of_other_data_or_of_several_codes_are_found(root, config):
    manifest = read_manifest(root)
    (record, *_) = (made_up_record(trial) for trial in baseline_trials(config))
    own = replace(record.digests, pool=manifest.digests.pool, test=manifest.digests.test)
    (root / "records.jsonl").write_text(f"{replace(record, digests=own).to_line()}\n")
    assert found(root) == []
    (root / "records.jsonl").write_text(f"{replace(record, digests=replace(own, pool='0a')).to_line()}\n")
    assert found(root) == [
        f"records.jsonl: 1 trial was not run on the data of the study, {record.trial_id} among them"
    ]


@pytest.mark.parametrize("place", ["study", "cat/study", "../images/dog", ".", "..", "linked", "beyond/deep"])
def test_nothing_is_written_where_images_are_read_from(images, tmp_path, monkeypatch, place):
    """Below the folder, around it, by a link to it, and in the place of a class that is a link."""
    (tmp_path / "elsewhere" / "puma").mkdir(parents=True)
    (images / "puma").symlink_to(tmp_path / "elsewhere" / "puma")
    (images / "linked").symlink_to(images)
    (images / "beyond").symlink_to(tmp_path / "elsewhere" / "puma")
    monkeypatch.chdir(images)
    with pytest.raises(UserError, match=r"^--out .*: choose a folder outside that of the real images, /"):
        refuse_output_in_data(DataConfig(name="imagefolder", root=str(images)), Path(place))


def test_beside_the_images_and_beside_published_sets_may_be_written(images, tmp_path):
    folder = DataConfig(name="imagefolder", root=str(images))
    for place in ("study", "images-study", "imagesstudy/deep"):
        refuse_output_in_data(folder, tmp_path / place)
    # Nothing but the files of the set is read there.
    refuse_output_in_data(DataConfig(name="mnist", root=str(tmp_path)), tmp_path / "studies" / "first")
    refuse_output_in_data(DataConfig(name="digits"), tmp_path)


def test_beside_a_file_of_arrays_may_be_written_whatever_else_lies_there(tmp_path):
    (tmp_path / "set.npz").touch()
    (tmp_path / "loop.png").symlink_to("loop.png")
    refuse_output_in_data(DataConfig(name="imagefolder", root=str(tmp_path / "set.npz")), tmp_path / "study")


def test_an_empty_variable_names_no_folder(monkeypatch):
    monkeypatch.setenv(DATA_ENVIRONMENT_VARIABLE, "")
    assert with_absolute_paths(study_config("fashion-mnist-sneaker")).data.root is None


NETWORKS = {
    "classifier.backbone": lambda network: {"classifier": {"name": "backbone", "backbone": network}},
    "confirm.image_features": lambda network: {"confirm": {"image_features": {"kind": "backbone", **network}}},
    "confirm.frozen_baseline": lambda network: {"confirm": {"frozen_baseline": network}},
}


@pytest.mark.parametrize("key", NETWORKS)
def test_weights_of_a_pretrained_network_are_looked_at_before_the_first_trial(key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def with_weights(**network):
        network = {"model": MODEL, "image_size": 32, **network}
        return parse_study({**STUDY, "confirm": {"seeds": [1]}, **NETWORKS[key](network)})

    with pytest.raises(ConfigError, match=rf"^{key}.weights: '/.*/w.pth' cannot be read \(No such file"):
        check_networks(with_absolute_paths(with_weights(weights="w.pth")))
    with pytest.raises(ConfigError, match=rf"^{key}.weights: torchvision has no weights of '{MODEL}' in"):
        with_absolute_paths(with_weights())
    write_weights(tmp_path / "w.pth")
    config = with_absolute_paths(with_weights(weights="w.pth"))
    check_networks(config)
    before = take_fingerprint(config).other
    assert before.keys() == {f"the weights of {MODEL} ({key})"}
    write_weights(tmp_path / "w.pth", seed=1)
    assert take_fingerprint(config).other != before


def test_a_study_in_which_no_image_is_made_is_refused(tmp_path):
    write_classes(tmp_path, cat=12, dog=12)
    given = [f"data.root={tmp_path}", "data.image_size=8", "data.look_alikes=apart"]

    def check(*changes):
        config = study_config("imagefolder", [*given, *changes])
        refuse_nothing_to_generate(config, split_data(config))

    with pytest.raises(ConfigError, match=r"no image would be made: .* the rare ones .dog.; make an imbalance"):
        check("imbalance.minority_classes=[dog]")
    # More images than the largest class has, or some that the rare one lacks, are made; weights need none.
    check("imbalance={profile: step, ratio: 4, minority_classes: [dog]}")
    check("imbalance.minority_classes=[dog]", "balancers={dcgan: {balance_to: 2}}")
    only = "search.parameters={balancing/name: {kind: choice, options: [class_weights]}}"
    check("imbalance.minority_classes=[dog]", only, "baselines=[none,class_weights]")
