"""What a trial's numbers may depend on beside its configuration: versions, device, CPU, and code."""

import hashlib
import importlib.metadata
import platform
from functools import cache
from pathlib import Path

import numpy as np
import torch

from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.runtime.matrix_products import library
from gan_study.trainables.trial.config import TrialConfig

_CPU_INFO = Path("/proc/cpuinfo")
_CODE_LETTERS = 16


def versions() -> dict[str, str]:
    """The machine's kind, and the versions of what computes the numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def environment(device: torch.device) -> dict[str, str]:
    """What the numbers of a training on `device` may depend on beside its configuration."""
    return {
        **versions(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": str(torch.get_num_threads()),
        "matrix_products": library(),
        "cpu": _cpu_model(),
        # AVX-512, AVX2 and plain code round differently.
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
    }


def precisions(config: TrialConfig) -> dict[str, str]:
    """The precision of the classifier and, if there is one, of the GAN."""
    balancer = config.balancing.balancer
    gan = {"gan_precision": balancer.gan.precision} if isinstance(balancer, GanBalancing) else {}
    return {"classifier_precision": "float32", **gan}


@cache
def code_digest() -> str:
    """Hexadecimal digits that name this package's source files, by path and content."""
    root = Path(__file__).parents[2]
    sources = {path.name: path for path in root.glob("*.py")}
    # The packages below may be links, which rglob does not follow.
    for package in (path.resolve() for path in root.iterdir() if path.is_dir()):
        sources |= {path.relative_to(package.parent).as_posix(): path for path in package.rglob("*.py")}
    content = hashlib.sha256()
    for name, path in sorted(sources.items()):
        content.update(f"{name}\n".encode() + path.read_bytes())
    return content.hexdigest()[:_CODE_LETTERS]


@cache
def _cpu_model() -> str:
    """The CPU's model as Linux names it, else what Python knows."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")
