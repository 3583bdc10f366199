"""What every balancer keeps to, and how one is chosen."""

from functools import cache

import pytest
import torch

from gan_study.analysis.plots.palette import RE_WEIGHTING
from gan_study.trainables.balancing.balancer import BalancedSet, Balancer
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.contracts.balancers import shortest_settings
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.catalog import VARIANTS
from tests.members import each
from tests.trainables.balancing.tiny import tiny_training_set

PHOTOGRAPHS = ("random_oversampling", "duplicates")
GROWING = (*PHOTOGRAPHS, "image_transforms", "rand_augment", "smote", "flow_matching", "deep_smote", *VARIANTS)
RANDOM = (*GROWING, "random_undersampling")
every_balancer = pytest.mark.parametrize("name", each(BALANCERS))


def small(name: str) -> Balancer:
    settings = {section: dict(values) for section, values in shortest_settings(BALANCERS[name]).items()}
    if name in VARIANTS:
        settings["gan"] |= {"latent_size": 4}
    return parse_balancing({"name": name, **settings}).balancer


@cache
def answer(name: str, *, seed: int = 1, repetition: int = 0) -> BalancedSet:
    """What a balancer gives for the tiny training set, once for all tests; another repetition is made anew."""
    *on_the_way, last = small(name).balance(tiny_training_set(), seed=seed)
    assert last.is_final
    assert not any(version.is_final for version in on_the_way)
    return last


@pytest.mark.parametrize("name", each(GROWING))
def test_the_originals_come_first_and_only_minority_classes_grow(name: str, training: TrainingSet) -> None:
    balanced = answer(name).training
    assert balanced.class_counts() == (6, 6, 6)
    assert torch.equal(balanced.images[:11], training.images)
    assert torch.equal(balanced.labels[:11], training.labels)
    assert not balanced.synthetic[:11].any()
    assert (balanced.labels[11:] != 0).all()
    assert balanced.synthetic[11:].all() == (name not in PHOTOGRAPHS)


def test_the_page_knows_which_methods_leave_the_images_as_they_are(training: TrainingSet) -> None:
    def leaves_images(name: str) -> bool:
        found = answer(name)
        return found.plan.mix is None and torch.equal(found.training.images, training.images)

    without_gan = set(BALANCERS) - set(VARIANTS) - {"none", "real_upper_bound", "quantity"}
    assert {name for name in without_gan if leaves_images(name)} == RE_WEIGHTING


@pytest.mark.parametrize("name", each(RANDOM))
def test_other_seeds_give_other_sets(name: str) -> None:
    first, second = answer(name).training, answer(name, seed=2).training
    assert not torch.equal(first.images, second.images)


@pytest.mark.parametrize("name", ["crt", "feature_smote"])
def test_a_second_stage_gives_rows_of_known_labels_by_its_seed(name: str, training: TrainingSet) -> None:
    stage = answer(name).plan.head_stage
    assert stage is not None
    features = torch.rand(11, 4, generator=torch.Generator().manual_seed(0))
    rows, labels, weights = stage.rebalance(features, training.labels, training.weights, 3)
    assert rows.shape == (len(labels), 4) and rows.dtype == torch.float32 and labels.dtype == torch.int64
    assert torch.equal(weights, torch.ones(len(labels)))
    assert labels.bincount().tolist() == [6, 6, 6]
    state = torch.get_rng_state()
    again, again_labels, _ = stage.rebalance(features, training.labels, training.weights, 3)
    assert torch.equal(rows, again) and torch.equal(labels, again_labels)
    assert torch.equal(torch.get_rng_state(), state)


@every_balancer
def test_dump_writes_every_default_and_parses_back(name: str) -> None:
    config = parse_balancing({"name": name})
    dumped = config.dump()
    assert dumped["name"] == name
    assert parse_balancing(dumped) == config
    assert parse_balancing(dumped).dump() == dumped


def test_setting_paths() -> None:
    gan_paths = {
        f"gan/{key}"
        for key in (
            "generator_steps",
            "most_generator_steps",
            "epochs",
            "pretrain",
            "learning_rate",
            "beta1",
            "beta2",
            "batch_size",
            "latent_size",
            "discriminator_steps",
            "milestones",
            "weight_clip",
            "diff_augment",
            "ema_decay",
            "precision",
        )
    }
    assert BALANCERS["none"].setting_paths == set()
    assert BALANCERS["random_oversampling"].setting_paths == {"balance_to", "dose"}
    of_gans = {"balance_to", "dose", "image_size", "plan", "synthetic_weight", "filter"}
    assert BALANCERS["dcgan"].setting_paths == {*of_gans, *gan_paths}
    assert BALANCERS["wgan_gp"].setting_paths == {*of_gans, "gan/weights/gradient_penalty", *gan_paths}


def test_every_variant_is_a_balancer() -> None:
    assert [name for name, entry in BALANCERS.items() if entry.is_gan] == list(VARIANTS)
    trained = [name for name, entry in BALANCERS.items() if entry.trains_generator]
    assert trained == ["deep_smote", "flow_matching", *VARIANTS]


def test_a_gan_keeps_the_defaults_of_its_variant_where_nothing_is_given() -> None:
    dumped = parse_balancing({"name": "wgan_gp", "gan": {"epochs": 7}}).dump()
    assert dumped == {
        "name": "wgan_gp",
        "balance_to": 1.0,
        "dose": 1.0,
        "image_size": None,
        "plan": "none",
        "synthetic_weight": 1.0,
        "filter": "measure",
        "gan": {
            "generator_steps": None,
            "most_generator_steps": None,
            "epochs": 7,
            "learning_rate": 1e-4,
            "beta1": 0.5,
            "beta2": 0.9,
            "batch_size": 4,
            "latent_size": 128,
            "discriminator_steps": 5,
            "milestones": [],
            "weights": {"gradient_penalty": 10.0},
            "weight_clip": None,
            "diff_augment": False,
            "ema_decay": 0.0,
            "pretrain": "none",
            "warm_start_epochs": 0,
            "precision": "float32",
        },
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "balancing.name: a value is needed; known: "),
        ({"name": "dcgn"}, "balancing.name: 'dcgn' is unknown; did you mean 'dcgan'?"),
        ({"name": 3}, "balancing.name: 3 is unknown; known: "),
        ({"name": "none", "balance_to": 1}, "balancing.balance_to: unknown key"),
        ({"name": "dcgan", "balanc_to": 1}, "balancing.balanc_to: unknown key; did you mean 'balance_to'?"),
        ({"name": "dcgan", "balance_to": 0}, "balancing.balance_to: 0 cannot be used; "),
        (
            {"name": "random_oversampling", "balance_to": float("inf")},
            "balancing.balance_to: inf cannot be used; ",
        ),
        ({"name": "dcgan", "dose": 1.5}, "balancing.dose: 1.5 cannot be used; "),
        ({"name": "dcgan", "synthetic_weight": 0}, "balancing.synthetic_weight: 0 cannot be used; "),
        ({"name": "dcgan", "filter": "all"}, "balancing.filter: 'all' cannot be used; "),
        (
            {"name": "dcgan", "plan": "balancd_softmax"},
            "balancing.plan: 'balancd_softmax' is not a plan for fitting a classifier; "
            "did you mean 'balanced_softmax'?",
        ),
        (
            {"name": "dcgan", "plan": "smote"},
            "balancing.plan: 'smote' is not a plan for fitting a classifier; known: balanced_softmax, ",
        ),
        ({"name": "dcgan", "gan": {"epoch": 1}}, "balancing.gan.epoch: unknown key; did you mean 'epochs'?"),
        ({"name": "dcgan", "gan": {"beta1": 1}}, "balancing.gan.beta1: 1 cannot be used; "),
        ({"name": "image_transforms", "zoom": 1}, "balancing.zoom: 1 cannot be used; "),
    ],
)
def test_mistakes_are_named_in_one_line(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_balancing(values)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
