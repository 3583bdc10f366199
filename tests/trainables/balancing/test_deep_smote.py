"""Filling classes with images between codes."""

import pytest
import torch

from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.balancing.deep_smote import DeepSmote
from gan_study.trainables.base.settings import ConfigError, DataError
from gan_study.trainables.data.images import TrainingSet

QUICK = {"generator_steps": 4, "batch_size": 4, "code_size": 4}


def deep_smote(**given: object) -> DeepSmote:
    autoencoder = {**QUICK, **given.pop("autoencoder", {})}  # type: ignore[dict-item]
    balancer = parse_balancing({"name": "deep_smote", "autoencoder": autoencoder, **given}).balancer
    assert isinstance(balancer, DeepSmote)
    return balancer


def test_one_autoencoder_of_all_classes_fills_the_rare_ones(training: TrainingSet) -> None:
    (balanced,) = deep_smote().balance(training, seed=1)
    assert balanced.training.class_counts() == (6, 6, 6)
    assert list(balanced.gans) == ["all classes"]
    assert (balanced.generator_steps, set(balanced.snapshots)) == (4, {1, 2})
    # Classes of 3 and 2 images.
    assert [note.partition(": ")[2] for note in balanced.notes] == [
        "SMOTE takes 2 of 5 neighbours",
        "SMOTE takes 1 of 5 neighbours",
    ]


def test_a_milestone_is_a_shorter_training(training: TrainingSet) -> None:
    on_the_way, last = deep_smote(autoencoder={"milestones": [2]}).balance(training, seed=1)
    (short,) = deep_smote(autoencoder={"generator_steps": 2}).balance(training, seed=1)
    assert (on_the_way.is_final, last.is_final) == (False, True)
    assert torch.equal(on_the_way.training.images, short.training.images)
    assert not torch.equal(last.training.images, short.training.images)


def test_a_class_of_one_image_is_refused(training: TrainingSet) -> None:
    first_of_two = torch.nonzero(training.labels == 2)[:1]
    rows = torch.cat([torch.nonzero(training.labels != 2), first_of_two]).squeeze(1)
    with pytest.raises(DataError, match="'few' has one image in the training set; SMOTE needs two"):
        list(deep_smote().balance(training.take(rows), seed=1))


@pytest.mark.parametrize(
    ("autoencoder", "message"),
    [
        ({"code_szie": 32}, "balancing.autoencoder.code_szie: unknown key; did you mean 'code_size'?"),
        ({"k_neighbors": 0}, "balancing.autoencoder.k_neighbors: 0 cannot be used; "),
        ({"penalty": "pair"}, "balancing.autoencoder.penalty: 'pair' cannot be used; "),
        ({"epochs": 2, "generator_steps": 3}, "balancing.autoencoder: generator_steps is 3 and epochs is 2: set"),
    ],
)
def test_a_mistake_is_named_in_one_line(autoencoder: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_balancing({"name": "deep_smote", "autoencoder": autoencoder})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
