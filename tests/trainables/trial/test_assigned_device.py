"""Which device a trial computes on."""

import socket
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
        ({"CPU": 2.0}, False, "cpu"),
    ],
)
def test_a_trial_computes_on_a_gpu_that_was_given_to_it_and_on_no_other(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, float], is_there: bool, expected: str
) -> None:
    context = SimpleNamespace(get_assigned_resources=lambda: given)
    monkeypatch.setattr(trainable.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: is_there)
    assert trainable.assigned_device().type == expected


@pytest.mark.parametrize(
    ("cuda", "reason"),
    [
        (None, "it was built for CPUs only"),
        ("13.2", "Found no NVIDIA driver on your system"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_said_in_one_line_and_no_trial_runs_beside_it(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, reason: str
) -> None:
    def init() -> None:
        raise RuntimeError("Found no NVIDIA driver on your system.\nPlease check that you have one.")

    context = SimpleNamespace(get_assigned_resources=lambda: {"GPU": 0.25})
    monkeypatch.setattr(trainable.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    with pytest.raises(trainable.GpuMissingError) as raised:
        trainable.assigned_device()
    said = str(raised.value)
    assert f"cannot use: {reason}; repair that machine, or compute on CPUs" in said
    assert socket.gethostname() in said and "\n" not in said
