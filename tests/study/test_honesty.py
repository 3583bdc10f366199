"""The search never learns from the test set."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.selection import write_selection
from gan_study.trainables.trial.run import TrialOutcome, run_trial

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_domain_steps")]

STUDY = {
    "name": "honest",
    "imbalance": {"profile": "natural", "minority_classes": ["2"]},
    "classifier": {"epochs": 2, "batch_size": 16},
    "baselines": ["class_weights"],
    "balancers": {"vanilla_gan": {"gan": {"generator_steps": 20}}},
    "search": {
        "trials": 20,
        "trials_each": 9,
        "fits": 1,
        "parameters": {
            "balancing/name": {"kind": "choice", "options": ["vanilla_gan", "random_oversampling"]},
            "balancing/gan/generator_steps@vanilla_gan": {"kind": "int", "low": 1, "high": 20},
            "balancing/balance_to": {"kind": "float", "low": 0.3, "high": 1.0},
        },
    },
    "confirm": {"seeds": [1], "fits": 1},
}


def write_images(folder, *, test_names):
    """Digits 0, 1, 2 as an image folder; `test_names` says which class each test image is filed under."""
    digits = load_digits(n_class=3)
    for position, (pixels, label) in enumerate(zip(digits.images[:240], digits.target, strict=False)):
        is_test = position >= 160
        if not is_test and label == 2 and position % 3:
            continue
        name = test_names[position - 160] if is_test else label
        path = folder / ("test" if is_test else "train") / str(name) / f"{position}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(path)


def run(config, selection):
    """The study without Ray, one trial after another; gives back its records."""
    records, store = {}, {}
    planner = Planner(
        config,
        record_of=records.get,
        decisions=(),
        keep_decision=lambda decision: None,
        closed=None,
        keep=lambda closed: write_selection(selection, closed),
        may_search=lambda num_trials: True,
        rounds=None,
        keep_rounds=None,
        questions=None,
    )
    while (planned := planner.next()) is not Pause.DONE:
        *_, last = run_trial(planned.config, planned.purpose, device=torch.device("cpu"), store=store)
        assert isinstance(last, TrialOutcome)
        records[last.record.trial_id] = last.record
    return list(records.values())


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """The same study on true and on shuffled test labels: records and the bytes of what was chosen."""
    folder = tmp_path_factory.mktemp("honesty")
    labels = load_digits(n_class=3).target[160:240]
    poisoned = np.random.default_rng(0).permutation(labels)
    assert (poisoned != labels).mean() > 0.5
    results = {}
    for name, test_names in (("clean", labels), ("poisoned", poisoned)):
        write_images(folder / name, test_names=test_names)
        data = {"name": "imagefolder", "root": str(folder / name), "image_size": 8}
        records = run(parse_study({**STUDY, "data": data}), folder / f"{name}.json")
        results[name] = (records, (folder / f"{name}.json").read_bytes())
    return results


def test_with_the_test_labels_poisoned_the_choice_is_the_same_to_the_byte(studies):
    assert studies["poisoned"][1] == studies["clean"][1]


def test_with_the_test_labels_poisoned_every_search_trial_is_the_same(studies):
    def outcomes(name):
        return {
            r.trial_id: (r.objective, r.scores["validation"]) for r in studies[name][0] if r.phase != "confirm"
        }

    assert outcomes("poisoned") == outcomes("clean")


def test_the_poison_was_strong_enough_to_be_seen_in_the_confirmation(studies):
    def accuracy(name):
        return np.mean([r.scores["test"]["accuracy"] for r in studies[name][0] if r.phase == "confirm"])

    assert accuracy("clean") > accuracy("poisoned") + 0.3
