"""What a trial's numbers may depend on besides its configuration: versions, device, CPU, and code."""

import hashlib
import importlib.metadata
import os
import platform
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch

Library: TypeAlias = Literal["default", "onednn"]

_CPU_INFO = Path("/proc/cpuinfo")
_CODE_LETTERS = 16
# Variables by which oneDNN, MKL, OpenBLAS, BLIS, NumPy and cuBLAS choose other code, which rounds differently.
_CHOOSE_CODE = re.compile(
    r"(?:ONEDNN|DNNL)_(?:MAX_CPU_ISA|CPU_ISA_HINTS)|MKL_(?:CBWR|ENABLE_INSTRUCTIONS|DEBUG_CPU_TYPE)"
    r"|OPENBLAS_CORETYPE|BLIS_ARCH_TYPE|NPY_(?:DISABLE|ENABLE)_CPU_FEATURES|CUBLAS(?:LT)?_WORKSPACE_\w+"
)


def versions() -> dict[str, str]:
    """The kind of machine, and the versions of the libraries that compute the numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def machine() -> dict[str, str]:
    """The versions, and this machine's CPU and libraries: AVX-512, AVX2 and plain code round differently."""
    return {
        **versions(),
        "cpu": _cpu_model(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "libraries": ", ".join(_library_choices()) or "default",
    }


def environment(device: torch.device) -> dict[str, str]:
    """What the numbers of a training on `device` may depend on besides its configuration."""
    return {
        **machine(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": str(torch.get_num_threads()),
        "matrix_products": library(),
    }


def machine_kind() -> list[str]:
    """What a processor's last digits depend on beside the library: torch, chip, its instructions, threads."""
    return [
        torch.__version__,
        platform.machine(),
        _cpu_model(),
        torch.backends.cpu.get_cpu_capability(),
        str(torch.get_num_threads()),
        *_library_choices(),
    ]


def library_named(name: str | None) -> Library | None:
    """The library named in a file or a record; None if there is none."""
    return next((known for known in get_args(Library) if known == name), None)


def library() -> Library:
    """The library in use."""
    return "onednn" if _onednn().fp32_precision == "tf32" else "default"


def use(name: Library) -> None:
    """Use the library `name` for matrix products."""
    _onednn().fp32_precision = "tf32" if name == "onednn" else "ieee"


def _onednn() -> Any:
    # torch's annotations do not know of it.
    return torch.backends.mkldnn.matmul  # type: ignore[attr-defined]


def code_folder() -> Path:
    """The folder of the package that this process runs."""
    return Path(__file__).parents[2]


@cache
def code_digest() -> str:
    """Hexadecimal digits that name this package's source files, by path and content."""
    root = code_folder()
    sources = {path.name: path for path in root.glob("*.py")}
    # The packages below may be links, which rglob does not follow.
    for package in (path.resolve() for path in root.iterdir() if path.is_dir()):
        sources |= {path.relative_to(package.parent).as_posix(): path for path in package.rglob("*.py")}
    content = hashlib.sha256()
    for name, path in sorted(sources.items()):
        content.update(f"{name}\n".encode() + path.read_bytes())
    return content.hexdigest()[:_CODE_LETTERS]


def _library_choices() -> list[str]:
    """The variables of the environment by which numeric libraries choose other code, as NAME=value."""
    return sorted(f"{name}={value}" for name, value in os.environ.items() if _CHOOSE_CODE.fullmatch(name))


@cache
def _cpu_model() -> str:
    """The CPU's model as Linux names it, else what Python knows."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")
