"""A study's precision is decided when it begins, written out, and never decided again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan_study.analysis.records.load import load_study
from gan_study.study.plan.changes import Edit, is_meant
from gan_study.study.plan.config import StudyConfig, parse_study, resolve_study
from gan_study.study.plan.recipe import study_config
from gan_study.study.run import precision
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.run.options import RunOptions
from gan_study.study.run.precision import (
    Decisions,
    compare_all,
    decide_precision,
    open_trials,
    refuse_precision_of_cluster,
    with_precisions,
)
from gan_study.study.run.probe import trials_of_one_setting
from gan_study.study.watch.status import study_status
from gan_study.trainables.base.precision_probe import Comparison
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.data.prepared import image_source

FAST = Comparison(speedup=1.4, step_error=0.01, run_error=0.02)
SLOW = Comparison(speedup=1.0, step_error=0.01, run_error=0.02)
GANS = Decisions(gans={"vanilla_gan": SLOW, "dcgan": FAST})


def study(*assignments: str) -> StudyConfig:
    return study_config("quickstart", ["gan_precision=auto", *assignments])


def study_of_classifier(*assignments: str) -> StudyConfig:
    return study_config("quickstart", ["classifier_precision=auto", *assignments])


def undecided(config: StudyConfig) -> set[str]:
    return {trial.arm.balancer for trial in open_trials(config)}


def precisions(config: StudyConfig) -> dict[str, str]:
    return {
        trial.arm.balancer: trial.config.balancing.balancer.gan.precision
        for trial in trials_of_one_setting(config)
        if hasattr(trial.config.balancing.balancer, "gan")
    }


def test_gans_without_a_precision_of_their_own_are_decided() -> None:
    assert undecided(study()) == {"vanilla_gan", "dcgan"}
    assert undecided(study("balancers.dcgan.gan.precision=float32")) == {"vanilla_gan"}
    assert undecided(study_config("quickstart")) == set()


def test_decisions_are_written_out_and_final() -> None:
    decided = with_precisions(study(), GANS)
    assert precisions(decided) == {"vanilla_gan": "float32", "dcgan": "bf16"}
    # What was asked stays, and so do the GANs' other settings.
    assert decided.gan_precision == "auto"
    assert decided.balancing_by("dcgan").balancer.gan.generator_steps == 400
    # A study that begins again from its study.json decides nothing.
    again = parse_study(dump(decided))
    assert again == decided
    assert undecided(again) == set()


def test_a_study_that_is_written_out_is_still_open() -> None:
    resolved = parse_study(resolve_study(study("balancers.dcgan.gan.precision=bf16")))
    assert undecided(resolved) == {"vanilla_gan"}
    assert precisions(resolved) == {"vanilla_gan": "float32", "dcgan": "bf16"}


def test_a_classifier_without_a_precision_of_its_own_is_decided() -> None:
    assert undecided(study_of_classifier()) == {"none"}
    assert undecided(study_of_classifier("gan_precision=auto")) == {"none", "vanilla_gan", "dcgan"}
    assert undecided(study_of_classifier("classifier.precision=float32")) == set()
    assert study_config("quickstart").classifier.precision is None


@pytest.mark.parametrize(("comparison", "decision"), [(FAST, "bf16"), (SLOW, "float32")])
def test_the_decision_for_the_classifier_is_final_and_in_all_trials(comparison: Comparison, decision: str) -> None:
    decided = with_precisions(study_of_classifier(), Decisions(classifier=comparison))
    assert decided.classifier_precision == "auto"
    assert {trial.config.classifier.precision for trial in trials_of_one_setting(decided)} == {decision}
    again = parse_study(dump(decided))
    assert again == decided
    assert undecided(again) == set()


def test_a_cluster_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"classifier_precision: 'auto' cannot be used with --address"):
        refuse_precision_of_cluster(study_of_classifier(), RunOptions(address="auto"))
    with pytest.raises(ConfigError, match=r"gan_precision: 'auto' cannot be used with --address"):
        refuse_precision_of_cluster(study(), RunOptions(address="auto"))
    refuse_precision_of_cluster(study(), RunOptions())
    refuse_precision_of_cluster(study_config("quickstart"), RunOptions(address="auto"))


def test_each_gan_is_compared_at_the_studys_size_and_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "assigned_device", lambda: torch.device("cpu"))
    seen = {}

    def compare(variant, settings, data, *, seconds):
        seen[variant.name] = (settings.batch_size, tuple(data.images.shape[1:]), seconds)
        return FAST

    monkeypatch.setattr(precision, "compare_precisions", compare)
    config = study()
    found = compare_all(open_trials(config), image_source(config.data), seconds=2.0)
    assert found == Decisions(gans={"vanilla_gan": FAST, "dcgan": FAST})
    assert seen == dict.fromkeys(["vanilla_gan", "dcgan"], (16, (1, 16, 16), 2.0))


def test_the_classifier_is_compared_on_the_studys_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "assigned_device", lambda: torch.device("cpu"))
    seen = []

    def compare(config, training, *, seconds):
        seen.append((config.name, config.batch_size, training.shape, seconds))
        return FAST

    monkeypatch.setattr(precision, "compare_classifiers", compare)
    config = study_of_classifier("classifier.name=mlp", "classifier.batch_size=32")
    found = compare_all(open_trials(config), image_source(config.data), seconds=2.0)
    assert found == Decisions(classifier=FAST)
    assert seen == [("mlp", 32, ImageShape(size=16, channels=1), 2.0)]


def test_a_study_in_its_folder_is_never_decided_again(tmp_path: Path) -> None:
    decided = with_precisions(study("classifier_precision=auto"), replace(GANS, classifier=FAST))
    root, of_gans = tmp_path / "study", {name: str(each) for name, each in GANS.gans.items()}
    create_study_folder(root, decided, {}, gan_precision=of_gans, classifier_precision=str(FAST))
    config = read_manifest(root).config
    assert config == decided
    # What resuming does: it has no place, in which a probe would run, and needs none.
    assert decide_precision(config, None, RunOptions()) == (config, Decisions())  # type: ignore[arg-type]
    lines = study_status(root).lines()
    assert f"precision of dcgan: {FAST}" in lines
    assert f"precision of vanilla_gan: {SLOW}" in lines
    assert f"precision of the classifier: {FAST}" in lines
    assert load_study(root).precisions == {**of_gans, "the classifier": str(FAST)}


@pytest.mark.parametrize(("before", "after"), [("float32", "auto"), ("auto", "float32")])
def test_a_started_study_refuses_another_way_to_decide(before: str, after: str) -> None:
    assert not is_meant(Edit(key="gan_precision", before=before, after=after))
    assert not is_meant(Edit(key="classifier_precision", before=before, after=after))
    assert not is_meant(Edit(key="balancers.dcgan.gan.precision", before="bf16", after="float32"))
    assert not is_meant(Edit(key="classifier.precision", before=None, after="bf16"))


def test_the_probe_takes_its_share_of_a_budget() -> None:
    assert precision._seconds_each(2, None) == 5.0
    assert precision._seconds_each(10, None) == 3.0
    assert precision._seconds_each(2, 60.0) == pytest.approx(1.2)
