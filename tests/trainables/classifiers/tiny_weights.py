"""Weights of a small network, drawn and not trained: enough to tell whether they are used."""

from pathlib import Path

import torch
from torchvision.models import shufflenet_v2_x0_5

MODEL = "shufflenet_v2_x0_5"


def write_weights(path: Path, *, seed: int = 0) -> str:
    """The path of 0.35 million weights, and of a last layer for three classes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = shufflenet_v2_x0_5(weights=None, num_classes=3)
    torch.save(network.state_dict(), path)
    return str(path)
