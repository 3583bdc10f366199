import os
import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info

from gan_study.trainables.runtime.environment import library, use
from gan_study.trainables.runtime.process import arithmetic_given_back, use_threads, with_torch_defaults

# The page faults of a process that frees 20 blocks of 4 MB and asks for as many, again and again.
PROGRAM = """
import resource, sys, torch
from gan_study.trainables.runtime.process import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit(77)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    blocks = [torch.empty(1_000_000).fill_(1) for _ in range(20)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("the C library here cannot be told to keep freed memory")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    assert faults("kept") < faults("as it comes")


@pytest.mark.parametrize("told", [None, "2"])
def test_a_callers_threads_and_library_are_given_back(monkeypatch, told):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if told is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", told)

    def state():
        pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
        return pools, torch.get_num_threads(), library(), os.environ.get("OMP_NUM_THREADS")

    before = state()
    with arithmetic_given_back():
        use_threads(3)
        use("onednn" if before[2] == "default" else "default")
        assert state()[1:] == (3, "onednn" if before[2] == "default" else "default", "3")
    assert state() == before


def test_a_caller_has_its_own_torch_state_between_two_values():
    @with_torch_defaults
    def types():
        try:
            while True:
                yield torch.zeros(1).dtype, torch.is_grad_enabled()
        finally:
            closed.append(True)

    closed = []
    values = types()
    with torch.no_grad():
        torch.set_default_dtype(torch.float64)
        try:
            assert [next(values), next(values)] == [(torch.float32, True)] * 2
            assert (torch.zeros(1).dtype, torch.is_grad_enabled()) == (torch.float64, False)
        finally:
            torch.set_default_dtype(torch.float32)
    values.close()
    assert closed == [True]


def test_a_trial_on_a_gpu_computes_in_exact_float32_whatever_its_caller_allows(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)

    def switches():
        return torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision

    before = switches()
    # torch's own default; if it changes, the setting is no longer needed.
    assert before[0] == "tf32"
    assert with_torch_defaults(switches)() == ("ieee", "ieee")
    assert switches() == before
