from dataclasses import replace

import numpy as np
import pytest

from gan_study.analysis.plots.chart import method_scale
from gan_study.analysis.plots.gan_training import curve_frame
from gan_study.analysis.plots.palette import KIND_COLOURS
from gan_study.analysis.records.select import (
    Condition,
    best_by_validation,
    best_generator,
    confirmed,
    method_kinds,
    paired_gains,
    trains_generator,
)
from gan_study.analysis.records.trial import Trial
from tests.analysis.planted import confirmed_arm, planted_record, planted_study, with_arrays

HERE = Condition("shapes", "simple_cnn", 10.0)


def test_only_complete_confirm_trials_are_reported() -> None:
    assert {record.phase for record in confirmed(planted_study())} == {"confirm"}
    failed = planted_record(balancer="dcgan", validation=None, status="failed")
    assert confirmed([failed]) == ()


def test_the_later_of_two_selections_in_one_setting_counts() -> None:
    first = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True)
    later = replace(planted_record(balancer="dcgan", validation=0.6, test=0.6, gan=True), trial_id="later")
    assert confirmed([first, later]) == (later,)


def test_a_gain_is_the_method_minus_none_in_the_same_setting() -> None:
    gains = paired_gains(planted_study(), "minority_f1")
    of_dcgan = gains[gains["balancer"] == "dcgan"].sort_values("seed")
    assert of_dcgan["seed"].tolist() == [1, 2, 3]
    assert of_dcgan["value"].tolist() == pytest.approx([0.10, 0.12, 0.14], abs=1e-12)
    assert "none" not in set(gains["balancer"])


def test_gains_do_not_cross_ratios_and_need_a_partner() -> None:
    records = [
        planted_record(balancer="none", validation=0.4, test=0.4, seed=1, ratio=2.0),
        planted_record(balancer="smote", validation=0.5, test=0.5, seed=1, ratio=2.0),
        planted_record(balancer="smote", validation=0.5, test=0.9, seed=2, ratio=2.0),
        planted_record(balancer="smote", validation=0.5, test=0.9, seed=1, ratio=5.0),
    ]
    gains = paired_gains(records, "minority_f1")
    assert gains["value"].tolist() == pytest.approx([0.1], abs=1e-12)
    assert gains["imbalance_ratio"].tolist() == [2.0]


def test_a_score_that_is_undefined_has_no_gain() -> None:
    assert paired_gains(planted_study(), "minority_precision").empty


def test_the_choice_is_made_on_validation_and_not_on_test() -> None:
    records = planted_study()
    kinds = method_kinds(records)
    assert best_by_validation(records, HERE, "GAN", kinds) == "dcgan"  # acgan_<x> would win on test
    assert best_by_validation(records, HERE, "simple", kinds) == "smote"  # class_weights would win on test


def test_real_images_that_were_held_back_are_no_simple_method() -> None:
    bound = confirmed_arm("real_upper_bound", validation=(0.9, 0.9, 0.9), test=(0.9, 0.9, 0.9))
    records = (*planted_study(), *bound)
    kinds = method_kinds(records)
    assert list(kinds)[-1] == "real_upper_bound"
    assert kinds["real_upper_bound"] == "upper bound"
    assert best_by_validation(records, HERE, "simple", kinds) == "smote"


def test_nothing_is_chosen_where_nothing_was_confirmed_beside_none() -> None:
    lone = confirmed_arm("dcgan", validation=(0.5,), test=(0.5,), gan=True)
    assert best_by_validation(lone, HERE, "GAN", method_kinds(lone)) is None


def test_families_come_in_the_order_of_the_tables() -> None:
    assert method_kinds(planted_study()) == {
        "none": "no balancing",
        "class_weights": "simple",
        "smote": "simple",
        "acgan_<x>": "GAN",
        "dcgan": "GAN",
    }
    assert next(iter(method_kinds(planted_study()))) == "none"


def as_flow(record: Trial) -> Trial:
    """A trial of a GAN as one of flow matching, which has no discriminator."""
    balancing = {"name": record.balancer, "flow": {"generator_steps": 80}}
    losses = {"gan/discriminator_loss": np.full_like(record.stored["gan/discriminator_loss"], np.nan)}
    return with_arrays(replace(record, config={**record.config, "balancing": balancing}), losses)


def test_a_flow_is_neither_a_gan_nor_a_simple_method_and_is_exported_if_there_is_no_gan() -> None:
    scores = {"validation": (0.9, 0.9, 0.9), "test": (0.9, 0.9, 0.9)}
    flows = [as_flow(record) for record in confirmed_arm("flow_matching", **scores, gan=True)]
    records = (*planted_study(), *flows)
    kinds = method_kinds(records)
    assert list(kinds.items())[-1] == ("flow_matching", "other generator")
    assert best_by_validation(records, HERE, "GAN", kinds) == "dcgan"
    assert trains_generator(flows[0]) and not trains_generator(records[0])
    assert best_generator(records, HERE) == "dcgan"
    without_gan = [record for record in records if kinds[record.balancer] != "GAN"]
    assert best_generator(without_gan, HERE) == "flow_matching"
    curves = curve_frame(flows)
    assert set(curves["network"]) == {"generator"} and set(curves["kind"]) == {"other generator"}
    scale = method_scale(curve_frame(records)).to_dict()
    shades = dict(zip(scale["domain"], scale["range"], strict=True))
    assert shades["flow_matching"] == KIND_COLOURS["other generator"]


def test_a_smaller_calibration_error_is_a_gain() -> None:
    records = [
        replace(record, scores={"test": {"ece": ece}})
        for record, ece in (
            (planted_record(balancer="none", validation=0.4, test=0.4), 0.25),
            (planted_record(balancer="dcgan", validation=0.4, test=0.4, gan=True), 0.125),
        )
    ]
    assert paired_gains(records, "ece")["value"].tolist() == [0.125]
