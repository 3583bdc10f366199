from dataclasses import replace

import pytest

from gan_study.search_spaces.space import BALANCER
from gan_study.study.plan import costs
from gan_study.study.plan.config import parse_study
from gan_study.study.plan.costs import GanSpeed, Speeds, Workload
from gan_study.study.plan.rounds import SeedRound, all_arms
from gan_study.study.plan.time_plan import default_selection
from gan_study.study.plan.trials import confirmations
from gan_study.trainables.image_quality.extractor import DOMAIN_STEPS

# Numbers that a pencil can multiply: powers of two.
SPEEDS = Speeds(
    gans={"dcgan": GanSpeed(step=0.5, image=0.25), "bagan": GanSpeed(step=0.5, image=0.25, warm_start_epoch=8.0)},
    classifier_step=0.125,
    classifier_start=1.0,
    domain_step=0.0625,
    prediction=0.03125,
    data=2.0,
)
WORKLOAD = Workload(training=(64, 64, 16), minority=(2,), num_validation=32, num_test=64)
CONFIG = parse_study(
    {
        "name": "test",
        "imbalance": {"profile": "step", "ratio": 4, "minority_classes": ["2"]},
        "classifier": {"epochs": 2, "batch_size": 16},
        "baselines": ["duplicates"],
        "balancers": {
            "dcgan": {"gan": {"epochs": 10, "batch_size": 8}},
            "bagan": {"gan": {"epochs": 10, "batch_size": 8, "warm_start_epochs": 3}},
        },
        "search": {"trials": 0, "parameters": {BALANCER: {"kind": "choice", "options": ["dcgan", "bagan"]}}},
        "confirm": {"seeds": [1, 2], "fits": 1},
    }
)
# Two epochs of 144 images in batches of 16.
FIT = 1.0 + 2 * 9 * 0.125


def trial(name, *, fits=1):
    first = SeedRound(seeds=(1,), arms=all_arms(CONFIG))
    chosen = replace(default_selection(CONFIG), fits=fits)
    (found,) = (each for each in confirmations(CONFIG, chosen, [first]) if each.arm.balancer == name)
    return found


def test_a_trial_without_images_to_make_is_its_fits_and_predictions():
    assert costs.trial_seconds(trial("none"), WORKLOAD, SPEEDS) == pytest.approx(
        costs.TRIAL_SECONDS + 2.0 + FIT + 96 * 0.03125
    )
    assert costs.trial_seconds(trial("none", fits=3), WORKLOAD, SPEEDS) == pytest.approx(
        costs.TRIAL_SECONDS + 2.0 + 3 * (FIT + 96 * 0.03125)
    )


def test_a_gan_adds_its_steps_its_images_and_a_look_at_these():
    # One class of 16 images, two batches an epoch; 48 images until it has 64.
    gan = 10 * 2 * 0.5 + 48 * 0.25
    alone = costs.trial_seconds(trial("none"), WORKLOAD, SPEEDS)
    assert costs.trial_seconds(trial("dcgan"), WORKLOAD, SPEEDS) == pytest.approx(
        alone + gan + FIT + costs.METRIC_SECONDS
    )


def test_a_conditional_gan_learns_from_all_images_after_its_warm_start():
    # 144 images, 18 batches an epoch.
    gan = 10 * 18 * 0.5 + 3 * 8.0 + 48 * 0.25
    assert costs.balancing_seconds(trial("bagan").config, WORKLOAD, SPEEDS) == gan


def lengths(name, gan, *, rare):
    balancer = trial(name).config.balancing.balancer
    return costs.gan_lengths(replace(balancer, gan=gan), replace(WORKLOAD, training=(64, 64, rare)))


def test_a_gan_ends_by_itself_from_thirty_images_on():
    dcgan, bagan = (trial(name).config.balancing.balancer.gan for name in ("dcgan", "bagan"))
    free = replace(dcgan, epochs=None, generator_steps=200, most_generator_steps=600)
    assert lengths("dcgan", free, rare=29) == [(200, 200)]
    assert lengths("dcgan", free, rare=30) == [(200, 600)]
    assert lengths("dcgan", costs.at_floor(free), rare=30) == [(200, 200)]
    assert lengths("dcgan", free, rare=64) == []
    # Epochs are literal: two batches of 16 images, and of 144 images 18.
    assert lengths("dcgan", dcgan, rare=16) == [(20, 20)]
    assert lengths("bagan", bagan, rare=16) == [(180, 180)]
    assert lengths("dcgan", costs.with_share_of_length(dcgan, 0.25), rare=16) == [(4, 4)]
    assert lengths("dcgan", costs.with_share_of_length(free, 0.25), rare=30) == [(50, 50)]


def test_a_start_from_all_classes_is_one_more_training():
    config = trial("dcgan").config
    balancer = config.balancing.balancer
    pretrained = replace(balancer, gan=replace(balancer.gan, pretrain="all_classes"))
    longer = replace(config, balancing=replace(config.balancing, balancer=pretrained))
    # 144 images in batches of 8.
    more = costs.balancing_seconds(longer, WORKLOAD, SPEEDS) - costs.balancing_seconds(config, WORKLOAD, SPEEDS)
    assert more == 10 * 18 * 0.5


def test_what_measures_images_is_made_once_for_the_data_and_once_for_a_setting():
    one, other = trial("dcgan"), trial("bagan")
    alone = [costs.trial_seconds(each, WORKLOAD, SPEEDS) for each in (one, other)]
    found = list(costs.loads([one, other], {None: WORKLOAD}, SPEEDS))
    assert found == pytest.approx([alone[0] + 2 * DOMAIN_STEPS * 0.0625 + FIT, alone[1]])


@pytest.mark.parametrize(
    ("seconds", "workers", "end"),
    [([3, 1, 2], 1, 6), ([3, 1, 2], 2, 3), ([1, 1, 4], 2, 5), ([4, 1, 1], 2, 4), ([], 3, 0)],
)
def test_tasks_begin_in_their_order_as_workers_become_free(seconds, workers, end):
    assert costs.makespan(seconds, workers) == end


@pytest.mark.parametrize(
    ("domain", "steps"),
    [
        ({"kind": "int", "low": 100, "high": 300}, 200),
        ({"kind": "choice", "options": [50, 250]}, 150),
        # The mean of a number whose logarithm is uniform: 900 / ln 10.
        ({"kind": "int", "low": 100, "high": 1000, "log": True}, 391),
        (None, None),
    ],
)
def test_the_search_chooses_a_length_between_the_ends_of_its_range(domain, steps):
    parameters = {
        "balancing/gan/generator_steps@dcgan": domain,
        BALANCER: {"kind": "choice", "options": ["dcgan"]},
    }
    config = parse_study(
        {"name": "test", "imbalance": {"profile": "natural"}, "search": {"parameters": parameters}}
    )
    assert costs.mean_searched_steps(config, "dcgan") == steps


def test_disk_counts_predictions():
    bare, fitted = (costs.disk_bytes([trial("none", fits=n)], {None: WORKLOAD}) for n in (1, 3))
    assert fitted - bare == 2 * 96 * 3 * 4


def test_in_no_order_the_trials_of_a_setting_share_its_models():
    gans = [trial("dcgan"), trial("bagan")]
    alone = [costs.trial_seconds(each, WORKLOAD, SPEEDS) for each in gans]
    shared = (DOMAIN_STEPS * 0.0625 + FIT) / 2
    found = costs.even_loads([trial("none"), *gans], {None: WORKLOAD}, SPEEDS, num_measuring=2)
    expected = [costs.trial_seconds(trial("none"), WORKLOAD, SPEEDS), *(each + shared for each in alone)]
    assert list(found) == pytest.approx(expected)
