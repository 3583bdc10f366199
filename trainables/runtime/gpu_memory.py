"""A process's share of a GPU: its limit, how it frees memory, and which process used too much."""

import gc
import re

import torch

# What PyTorch may take of a trial's share of the GPU. The rest is for what each process has beside it: CUDA's
# context, and what cuDNN and cuBLAS load, some hundred MB.
ALLOCATED_SHARE = 0.9

_UNITS = {unit: 2 ** (10 * power) for power, unit in enumerate(("bytes", "KiB", "MiB", "GiB", "TiB", "PiB"))}
_REQUEST = re.compile(rf"Tried to allocate ([\d.]+) ({'|'.join(_UNITS)})")


def limit_memory(share: float) -> None:
    """Limit this process to a `share` of its GPU's memory; a whole GPU has no limit."""
    torch.cuda.set_per_process_memory_fraction(ALLOCATED_SHARE * share if share < 1 else 1.0)


def give_memory_back() -> None:
    """Free the unused GPU memory of this process, and reset its recorded maximum."""
    # What refers to itself, as networks and their optimisers may, goes only when it is looked for.
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def is_neighbours_greed(error: BaseException, share: float) -> bool:
    """Whether a GPU's memory ran out although this process has stayed within its `share`.

    Then other processes used more than theirs, and the trial can be retried.
    """
    if not isinstance(error, torch.OutOfMemoryError) or not 0 < share < 1:
        return False
    request = _REQUEST.search(str(error))
    if request is None:
        return False
    wanted = float(request[1]) * _UNITS[request[2]]
    _, total = torch.cuda.mem_get_info()
    return bool(torch.cuda.max_memory_allocated() + wanted <= ALLOCATED_SHARE * share * total)
