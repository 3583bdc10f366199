"""Whether a trial or its process is to blame for an error; tests/study/test_ray.py has what holds in Ray."""

import socket
from unittest.mock import Mock

import pytest
import torch

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.gans.trainer import DivergedError
from gan_study.trainables.runtime.time_limit import TimeLimitExceeded
from gan_study.trainables.trial import trainable
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import describe_failure
from gan_study.trainables.trial.request import REPORT, REQUEST, TrialPlaces, TrialRequest
from gan_study.trainables.trial.trainable import GanStudyTrainable, may_be_broken

OF_THE_TRIAL = [
    ConfigError("imbalance.ratio: 0"),
    DivergedError("dcgan: the loss is nan"),
    MemoryError("Unable to allocate 8.00 PiB"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8.00 PiB."),
    TimeLimitExceeded("took longer"),
]
OF_A_DEVICE = [
    torch.AcceleratorError("an illegal memory access was encountered", 700),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("HIP error: the operation cannot be performed in the present state"),
    RuntimeError("../aten/src/Indexing.cu:1290: device-side assert"),
]
OTHERS = [RuntimeError("it broke"), KeyError("x"), ValueError("Expected more than 1 value per channel")]


@pytest.mark.parametrize("error", OF_THE_TRIAL, ids=repr)
def test_what_settings_explain_is_believed_once(error):
    assert not may_be_broken(error, is_reused=False, failures=[])
    assert not may_be_broken(error, is_reused=True, failures=["another reason"])
    assert may_be_broken(error, is_reused=True, failures=[describe_failure(error)])


@pytest.mark.parametrize("error", OF_A_DEVICE, ids=repr)
def test_a_device_that_fails_is_not_used_again(error):
    assert may_be_broken(error, is_reused=False, failures=[])


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_any_other_error_is_believed_of_the_first_trial_of_a_process(error):
    assert not may_be_broken(error, is_reused=False, failures=[])
    assert may_be_broken(error, is_reused=True, failures=[])


def test_a_reason_is_one_line_without_a_terminals_codes():
    error = ValueError("\x1b[1;31mred\x1b[0m\n \x1b]8;;http://x\x07link\x1b]8;;\x07\tand\x00 more\x1b")
    assert describe_failure(error) == "ValueError: red link and more"


@pytest.mark.parametrize("found", [None, "another study's"])
def test_a_machine_that_does_not_see_the_studys_folder_says_so_and_writes_nothing(tmp_path, monkeypatch, found):
    monkeypatch.setattr(trainable, "assigned_cpus", torch.get_num_threads)
    monkeypatch.setattr(trainable, "assigned_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(trainable, "keep_freed_memory", Mock())
    study, token = tmp_path / "study", tmp_path / "token"
    if found is not None:
        token.write_text(found)
    places = TrialPlaces(
        study=study, cache=study / "cache", gans=study / "gans", log=study / "log.jsonl", token=token, mark="ours"
    )
    config = parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits"},
            "imbalance": {"profile": "natural"},
            "classifier": {"epochs": 1},
            "balancing": {"name": "none"},
        }
    )
    request = TrialRequest(config=config, purpose=Mock(), imbalance_ratio=1.0, places=places)
    worker = object.__new__(GanStudyTrainable)
    worker.setup({REQUEST: request}, Mock())
    error = worker.step()[REPORT].storage_error
    assert error.strerror.startswith(f"{socket.gethostname()} sees another folder, or none")
    assert error.filename == str(study) and not study.exists()
    token.write_text("ours")
    assert places.find_fault(patience_seconds=0) is None
