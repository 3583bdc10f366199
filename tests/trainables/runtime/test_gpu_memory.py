"""A process's part of a GPU, whose answers are made up here."""

import pytest
import torch

from gan_study.trainables.runtime.gpu_memory import give_memory_back, is_neighbours_greed, limit_memory

GIB = 2**30


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of 40 GiB; this process has had 3 GiB of it at most, and what it is told is noted."""
    told = []
    answers = {
        "set_per_process_memory_fraction": lambda fraction: told.append(fraction),
        "empty_cache": lambda: told.append("emptied"),
        "reset_peak_memory_stats": lambda: told.append("forgotten"),
        "mem_get_info": lambda: (0, 40 * GIB),
        "max_memory_allocated": lambda: 3 * GIB,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    return told


@pytest.mark.parametrize(("share", "fraction"), [(0.25, 0.225), (0.5, 0.45), (1.0, 1.0), (2.0, 1.0)])
def test_a_share_is_a_limit_that_leaves_room_for_the_context(gpu, share, fraction):
    limit_memory(share)
    assert gpu == pytest.approx([fraction])


def test_what_was_used_before_is_given_back(gpu):
    give_memory_back()
    assert gpu == ["emptied", "forgotten"]


def out_of_memory(wanted):
    return torch.OutOfMemoryError(
        f"CUDA out of memory. Tried to allocate {wanted}. GPU 0 has a total capacity of ..."
    )


@pytest.mark.parametrize(
    ("error", "share", "is_innocent"),
    [
        # A quarter of 40 GiB, nine tenths of it: 9 GiB, of which 3 were taken.
        (out_of_memory("20.00 MiB"), 0.25, True),
        (out_of_memory("6.00 GiB"), 0.25, True),
        (out_of_memory("6.01 GiB"), 0.25, False),
        (out_of_memory("512 bytes"), 0.25, True),
        (out_of_memory("8.00 PiB"), 0.25, False),
        # It had more than its share.
        (out_of_memory("20.00 MiB"), 0.05, False),
        # Nobody else is there.
        (out_of_memory("20.00 MiB"), 1.0, False),
        (out_of_memory("20.00 MiB"), 0.0, False),
        (torch.OutOfMemoryError("out of memory"), 0.25, False),
        (MemoryError("Tried to allocate 20.00 MiB"), 0.25, False),
    ],
)
def test_who_kept_within_its_share_is_innocent(gpu, error, share, is_innocent):
    assert is_neighbours_greed(error, share) == is_innocent
