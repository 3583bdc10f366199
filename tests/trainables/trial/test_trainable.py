"""Whether a trial or its process is to blame for an error; tests/study/test_ray.py has what holds in Ray."""

import pytest
import torch

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.gans.trainer import DivergedError
from gan_study.trainables.runtime.time_limit import TimeLimitExceeded
from gan_study.trainables.trial.outcome import describe_failure
from gan_study.trainables.trial.trainable import may_be_broken

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
