import subprocess
import sys

import pytest

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
