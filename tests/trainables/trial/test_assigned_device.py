"""Which device a trial computes on."""

from types import SimpleNamespace

import pytest
import torch

from gan_study.trainables.trial import trainable


@pytest.mark.parametrize(
    ("given", "is_there", "expected"),
    [
        ({"CPU": 2.0}, True, "cpu"),
        ({"CPU": 2.0, "GPU": 0}, True, "cpu"),
        ({"GPU": 0.25}, True, "cuda"),
        ({"GPU": 1.0}, False, "cpu"),
    ],
)
def test_a_trial_computes_on_a_gpu_that_was_given_to_it_and_on_no_other(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, float], is_there: bool, expected: str
) -> None:
    context = SimpleNamespace(get_assigned_resources=lambda: given)
    monkeypatch.setattr(trainable.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: is_there)
    assert trainable.assigned_device().type == expected
