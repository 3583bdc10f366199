"""Endless full batches of row indices."""

from collections.abc import Iterator

import torch
from torch import Tensor


def index_batches(num_rows: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless int64 batches [batch_size], cut from successive random permutations of `num_rows` rows.

    Every batch is full, also where there are fewer rows than that: batch norm needs at least two rows, and a
    short last batch would weigh its images more. Between two batches no row is ahead of another by more than
    one appearance. The batches are on the generator's device.
    """
    stream = torch.empty(0, dtype=torch.int64, device=generator.device)
    while True:
        while len(stream) < batch_size:
            permutation = torch.randperm(num_rows, generator=generator, device=generator.device)
            stream = torch.cat([stream, permutation])
        yield stream[:batch_size]
        stream = stream[batch_size:]
