"""Independent random streams from one seed, and batches of rows drawn from one."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

_GLOBAL_STATE = threading.RLock()


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed that depends on every part of `purpose`, so that different purposes have different streams.

    Parts are joined by "/", so a part must not contain one if another part follows.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def torch_generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator on `device`, seeded for `purpose`."""
    return torch.Generator(device=device).manual_seed(derive_seed(seed, *purpose))


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator, seeded for `purpose`."""
    return np.random.default_rng(derive_seed(seed, *purpose))


def random_state(seed: int, *purpose: str | int) -> int:
    """A random state for scikit-learn and imbalanced-learn, which take 32 bits."""
    return derive_seed(seed, *purpose) % 2**32


@contextmanager
def seeded_global_state(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Within the block the global random state of the CPU and of `device` is seeded; afterwards it is restored.

    For layers and transforms that use only the global state: initial weights, dropout, torchvision's transforms.
    Threads enter the block one after the other, since they share this state.
    """
    device = torch.device(device)
    # Not torch.manual_seed, which would seed all GPUs, and leave those that are not forked changed.
    with _GLOBAL_STATE, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def index_batches(num_rows: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Infinite int64 batches [batch_size], cut from successive random permutations of `num_rows` rows.

    Every batch is full, even if there are fewer rows: batch norm needs at least two rows, and a short last batch
    would give its images more weight. Between two batches no row is ahead of another by more than one appearance.
    The batches are on the generator's device.
    """
    stream = torch.empty(0, dtype=torch.int64, device=generator.device)
    while True:
        while len(stream) < batch_size:
            permutation = torch.randperm(num_rows, generator=generator, device=generator.device)
            stream = torch.cat([stream, permutation])
        yield stream[:batch_size]
        stream = stream[batch_size:]


def repeat_rows(labels: Tensor, numbers: Mapping[int, int], *, seed: int, purpose: str) -> dict[int, Tensor]:
    """As many row indices of each label in `labels` [N] as `numbers` says, by label, on their device.

    Each row of a label appears equally often, to within one; a label without a row is left out.
    """
    rows = {}
    for label, number in numbers.items():
        own = torch.nonzero(labels == label).squeeze(1)
        if len(own):
            chosen = next(index_batches(len(own), number, torch_generator(seed, purpose, label)))
            rows[label] = own[chosen.to(own.device)]
    return rows
