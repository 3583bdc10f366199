"""The precision of the matrix products and convolutions of a network in training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import torch

# "float32": the images' precision; "tf32": factors have ten bits, on GPUs; "bf16": factors and results have seven
# bits (torch.autocast). Weights, optimisers and losses keep the images' precision in any case.
Precision: TypeAlias = Literal["float32", "tf32", "bf16"]
CpuPrecision: TypeAlias = Literal["float32", "bf16"]


def products_in_bf16(device: torch.device) -> torch.autocast:
    """Within the block networks on `device` compute in bf16."""
    # A CUDA graph must not hold weights that were cast before it was recorded.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


@contextmanager
def gpu_products_in(precision: Precision) -> Iterator[None]:
    """Within the block a GPU's single-precision products and convolutions are exact, or TF32 if `precision` says
    so.

    Exact must be set explicitly: torch's default for a GPU's convolutions is TF32.
    """
    # torch's annotations do not know of all switches.
    cudnn: Any = torch.backends.cudnn
    switches = (torch.backends.cuda.matmul, cudnn.conv)
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.fp32_precision = value
