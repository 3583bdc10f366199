"""Methods that the literature has find the rare classes do so on scikit-learn's digits."""

from functools import cache

import pytest
import torch

from trainables.config import parse_trial
from trainables.trial import Purpose, TrialOutcome, run_trial


@cache
def minority_recall(balancer: str) -> float:
    config = parse_trial(
        {
            "seed": 1,
            "evaluation": {"test": True},
            "data": {"name": "digits", "image_size": 16},
            "imbalance": {"profile": "step", "ratio": 20, "minority_classes": ["3", "8", "9"]},
            "classifier": {"epochs": 10},
            "balancing": {"name": balancer},
        }
    )
    *_, last = run_trial(config, Purpose(phase="confirm"), device=torch.device("cpu"))
    assert isinstance(last, TrialOutcome)
    recall = last.record.scores["test"].overall["minority_recall"]
    assert recall is not None
    return recall


@pytest.mark.parametrize("balancer", ["balanced_softmax", "threshold_moving", "crt", "ldam_drw"])
def test_rare_digits_are_found_more_often_than_without_balancing(balancer: str) -> None:
    assert minority_recall(balancer) > minority_recall("none") + 0.05
