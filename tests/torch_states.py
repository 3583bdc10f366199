"""Torch states that a caller of a training may have chosen, by name; each a context."""

import contextlib

import torch


@contextlib.contextmanager
def _default_type(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


TORCH_STATES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "64 bits": lambda: _default_type(torch.float64),
    "16 bits": lambda: _default_type(torch.bfloat16),
    "another device": lambda: torch.device("meta"),
}
