"""Methods that the literature has find the rare classes do so."""

from collections.abc import Mapping
from functools import cache
from statistics import mean

import pytest
import torch
from pydantic import JsonValue

from gan_study.trainables.runtime.cache import State
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial
from tests.real_data import real_data

PUBLISHED = ("balanced_softmax", "crt", "ldam_drw")


# The classifiers that measure images depend on the real ones alone.
_MEASURING: dict[str, State] = {}


def minority_recall(
    balancer: str, data: Mapping[str, JsonValue], imbalance: Mapping[str, JsonValue], *, seed: int = 1
) -> float:
    """On the test set."""
    config = parse_trial(
        {
            "seed": seed,
            "evaluation": {"test": True},
            "data": dict(data),
            "imbalance": dict(imbalance),
            "classifier": {"epochs": 10},
            "balancing": {"name": balancer},
        }
    )
    *_, last = run_trial(config, Purpose(phase="confirm"), device=torch.device("cpu"), store=_MEASURING)
    assert isinstance(last, TrialOutcome)
    recall = last.record.scores["test"]["minority_recall"]
    assert recall is not None
    return recall


@cache
def of_digits(balancer: str) -> float:
    imbalance: dict[str, JsonValue] = {"profile": "step", "ratio": 20, "minority_classes": ["3", "8", "9"]}
    return minority_recall(balancer, {"name": "digits", "image_size": 16}, imbalance)


@cache
def of_clothes(balancer: str) -> float:
    """1,200 to 12 images of a class, as in docs/reproduction.md; the mean of three seeds."""
    root = real_data("fashion_mnist").parent
    data: dict[str, JsonValue] = {"name": "fashion_mnist", "train_size": 12_000, "root": str(root)}
    imbalance: dict[str, JsonValue] = {"profile": "long_tailed", "ratio": 100}
    return mean(minority_recall(balancer, data, imbalance, seed=seed) for seed in (1, 2, 3))


@pytest.mark.slow
@pytest.mark.parametrize("balancer", [*PUBLISHED, "threshold_moving"])
def test_rare_digits_are_found_more_often_than_without_balancing(balancer: str) -> None:
    assert of_digits(balancer) > of_digits("none") + 0.05


@pytest.mark.soak
@pytest.mark.parametrize("balancer", PUBLISHED)
def test_rare_clothes_are_found_more_often_than_without_balancing_at_ratio_100(balancer: str) -> None:
    assert of_clothes(balancer) > of_clothes("none") + 0.03
