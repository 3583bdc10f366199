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
    (found,) = (each for each in confirmations(CONFIG, chosen, [first]) if each.cell.balancer == name)
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


def test_critics_that_train_more_often_leave_fewer_steps_of_the_generator():
    gan = trial("dcgan").config.balancing.balancer.gan
    assert costs.generator_steps(gan, 16) == 20
    assert costs.generator_steps(replace(gan, discriminator_steps=5), 80) == 20
    # An epoch has at least one step of the generator.
    assert costs.generator_steps(replace(gan, discriminator_steps=5), 16) == 10
    assert costs.generator_steps(costs.with_share_of_length(gan, 0.25), 16) == 4


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


def test_the_search_chooses_a_length_between_the_ends_of_its_range():
    def share(domain):
        values = {"balancing/gan/epochs@dcgan": domain, BALANCER: {"kind": "choice", "options": ["dcgan"]}}
        return costs.mean_searched_length(
            parse_study(
                {
                    "name": "test",
                    "imbalance": {"profile": "natural"},
                    "balancers": {"dcgan": {"gan": {"epochs": 10}}},
                    "search": {"parameters": values},
                }
            ),
            "dcgan",
        )

    assert share({"kind": "int", "low": 10, "high": 30}) == 2.0
    assert share({"kind": "choice", "options": [5, 25]}) == 1.5
    # The logarithm's mean of 1 to e^2 ≈ 7.39 is (e^2 - 1) / 2.
    assert share({"kind": "int", "low": 10, "high": 100, "log": True}) == pytest.approx(90 / 2.302585 / 10)


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
