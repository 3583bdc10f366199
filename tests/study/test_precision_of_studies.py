"""A study that asks for it has its precision decided once: when it begins."""

import io
import json

import pytest
from rich.console import Console

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import read_manifest
from gan_study.study.run.options import RunOptions
from gan_study.study.run.runner import resume_study, run_study

# As `test_ray.py` has it: of one GAN, and one process that trains.
SETTINGS = (
    *(
        "gan_precision=auto",
        "classifier_precision=auto",
        "data.image_size=8",
        "baselines=[]",
        "classifier.epochs=1",
        "search.trials=0",
    ),
    *("confirm={seeds: [1], until: fixed, fits: 1}", "balancers.vanilla_gan.gan.generator_steps=4"),
    "search.parameters={balancing/name: {kind: choice, options: [vanilla_gan]}}",
    *("resources.max_concurrent=1", "scale=ci"),
)


@pytest.mark.usefixtures("local_ray", "few_domain_steps_in_workers")
def test_a_study_is_decided_when_it_begins_and_not_when_it_goes_on(tmp_path):
    root, first, then = tmp_path / "study", io.StringIO(), io.StringIO()
    result = run_study(
        study_config("quickstart", SETTINGS), out=root, options=RunOptions(console=Console(file=first))
    )
    header = json.loads((root / "study.json").read_text())
    assert list(header["gan_precision"]) == ["vanilla_gan"]
    decided = header["config"]["balancers"]["vanilla_gan"]["gan"]["precision"]
    assert header["gan_precision"]["vanilla_gan"].startswith(decided)
    assert header["config"]["gan_precision"] == "auto"
    of_classifier = header["config"]["classifier"]["precision"]
    assert header["classifier_precision"].startswith(of_classifier)
    assert "float32 for the classifier, vanilla_gan" in first.getvalue()
    resumed = resume_study(root, seeds=2, options=RunOptions(console=Console(file=then)))
    assert len(resumed.trials) > len(result.trials)
    assert "Comparing" not in then.getvalue()
    assert read_manifest(root).config.balancing_by("vanilla_gan").balancer.gan.precision == decided
    assert read_manifest(root).config.classifier.precision == of_classifier
    assert {each.environment["classifier_precision"] for each in resumed.trials} == {of_classifier}
    used = {(each.balancer, each.environment.get("gan_precision")) for each in resumed.trials}
    assert used == {("none", None), ("vanilla_gan", decided)}
