"""The precision that a GAN's products and convolutions are computed in."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, TypeAlias

import torch

from gan_study.trainables.base.settings import ConfigError

# "float32": that of the images, every bit of it; "tf32": factors of ten bits, on GPUs; "bf16": factors and results
# of seven bits (torch.autocast). Weights, optimisers and losses keep the images' precision in any case.
Precision: TypeAlias = Literal["float32", "tf32", "bf16"]


@contextmanager
def products_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """Within it a GPU's single-precision products and convolutions are exact, or TF32 if `precision` says so.

    Exact has to be asked for: by itself torch leaves a GPU's convolutions to TF32. Raises ConfigError where the
    device has no TF32.
    """
    if device.type != "cuda":
        if precision == "tf32":
            raise ConfigError(f"gan.precision: 'tf32' cannot be used on {device.type}; it is of NVIDIA GPUs")
        yield
        return
    switches = _switches()
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.fp32_precision = value


def networks_in(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Within it networks compute in bf16 if `precision` says so."""
    if precision != "bf16":
        return nullcontext()
    # A CUDA graph must not hold weights that were cast before it was recorded.
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


def _switches() -> tuple[Any, ...]:
    # torch's annotations do not know of all of them.
    cudnn: Any = torch.backends.cudnn
    return torch.backends.cuda.matmul, cudnn.conv
