from dataclasses import replace

import pytest

from gan_study.analysis.page.answer import answer
from gan_study.analysis.page.frozen_baseline import frozen_sentences
from gan_study.analysis.records.load import load_study
from tests.analysis.planted import confirmed_arm, planted_study, write_study

NETWORK = {"model": "resnet18", "library": "torchvision", "weights": "/w", "image_size": None}


def beside(record, value):
    """A record without balancing, beside which a frozen network reached `value`."""
    config = {**record.config, "evaluation": {"frozen_baseline": NETWORK}}
    return replace(record, config=config, frozen_baseline={"minority_f1": value, "accuracy": 0.9})


def classified_by(record, tuning):
    config = {**record.config, "classifier": {"name": "backbone", "backbone": {**NETWORK, "tuning": tuning}}}
    return replace(record, config=config, classifier="backbone")


def test_what_a_frozen_network_reaches_is_in_the_answer(tmp_path):
    records = [
        beside(each, 0.7 + each.seed / 100) if each.balancer == "none" and each.phase == "confirm" else each
        for each in planted_study()
    ]
    none = [each for each in records if each.frozen_baseline]
    own = sum(each.scores["test"]["minority_f1"] for each in none) / len(none)
    sentence = (
        "Without any balancing, a linear head on the frozen resnet18 of torchvision reaches a test minority F1 of "
        f"0.720 at imbalance ratio 10 (simple_cnn: {own:.3f}), the mean of 3 seeds."
    )
    assert [each.seed for each in none] == [1, 2, 3]
    assert sentence in answer(load_study(write_study(tmp_path, records)))


def test_a_study_whose_classifier_is_one_says_so_by_its_own_scores():
    frozen = [classified_by(each, "frozen") for each in confirmed_arm("none", validation=(0.4,), test=(0.42,))]
    assert frozen_sentences(frozen) == (
        "Without any balancing, a linear head on the frozen resnet18 of torchvision reaches a test minority F1 of "
        "0.420 at imbalance ratio 10, the mean of 1 seed.",
    )
    tuned = [classified_by(each, "fine_tuned") for each in frozen]
    assert frozen_sentences(tuned) == ()


def test_ratios_are_told_apart_and_other_methods_left_out():
    records = [
        beside(each, value)
        for ratio, value in ((10.0, 0.5), (50.0, 0.25))
        for each in confirmed_arm("none", validation=(0.4,), test=(0.4,), ratio=ratio)
    ]
    [said] = frozen_sentences([*records, *confirmed_arm("smote", validation=(0.4,), test=(0.6,))])
    assert "0.500 at imbalance ratio 10 (simple_cnn: 0.400) and 0.250 at imbalance ratio 50" in said


@pytest.mark.parametrize("records", [[], confirmed_arm("none", validation=(0.4,), test=(0.4,))])
def test_without_one_nothing_is_said(records):
    assert frozen_sentences(records) == ()
