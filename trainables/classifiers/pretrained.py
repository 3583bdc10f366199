"""Networks that were trained on other images: which one, and the file of its weights. Nothing is downloaded."""

import pickle
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.base.files import Place, expand, open_regular
from gan_study.trainables.base.plugins import one_line
from gan_study.trainables.base.settings import ConfigError, settings

Library: TypeAlias = Literal["torchvision", "timm", "gan_study"]


@settings
class Pretrained:
    """A network that was trained on other images."""

    library: Library = "torchvision"
    """Whose network it is; "gan_study" stands for a classifier that `gan-study list` names."""
    model: str = "resnet18"
    """The library's name of it."""
    weights: Place | None = None
    """A file of its weights as its library saves them, a state dict by torch.save or safetensors; the last layer,
    and so the number of classes, are not used. None: the weights in the library's cache; nothing is downloaded."""
    image_size: int | None = Field(default=None, ge=8)
    """Size in pixels of its input images; None: the library's size for its own weights."""


def find_weights(pretrained: Pretrained, *, where: str) -> Path:
    """The file of a network's weights; raises ConfigError, which says what to do, if there is none."""
    if pretrained.weights is not None:
        return expand(pretrained.weights)
    found = _CACHES[pretrained.library](pretrained, where)
    if found is None or not found.is_file():
        place = "" if found is None else f" ({found})"
        raise ConfigError(
            f"{where}.weights: {pretrained.library} has no weights of {pretrained.model!r} in its cache{place}; "
            "nothing is downloaded: name a file"
        )
    return found


def _torchvision_cache(pretrained: Pretrained, where: str) -> Path | None:
    from torchvision import models

    if pretrained.model not in models.list_models(module=models):
        return None
    url: str = models.get_model_weights(pretrained.model).DEFAULT.url
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _timm_cache(pretrained: Pretrained, where: str) -> Path | None:
    timm = timm_library(where)
    config = timm.get_pretrained_cfg(pretrained.model)
    if config is None:
        return None
    if config.hf_hub_id:
        from huggingface_hub import try_to_load_from_cache

        for name in ("model.safetensors", "pytorch_model.bin"):
            cached = try_to_load_from_cache(config.hf_hub_id, name)
            if isinstance(cached, str):
                return Path(cached)
    return Path(torch.hub.get_dir()) / "checkpoints" / config.url.rpartition("/")[2] if config.url else None


_CACHES: Mapping[Library, Callable[[Pretrained, str], Path | None]] = {
    "torchvision": _torchvision_cache,
    "timm": _timm_cache,
    "gan_study": lambda pretrained, where: None,
}


def timm_library(where: str) -> ModuleType:
    """timm; raises ConfigError if it is not installed."""
    try:
        return import_module("timm")
    except ImportError:
        raise ConfigError(f"{where}.library: timm is not installed; `pip install 'gan-study[timm]'`") from None


# What torch and safetensors raise for a file that holds something else.
_NO_WEIGHTS = (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, AttributeError, ValueError)


def read_state(path: Path, key: str) -> Mapping[str, Tensor]:
    """The state dict in a file; raises ConfigError for the setting `key` if there is none."""
    try:
        with open_regular(path) as file:
            stored = _safetensors(file.read()) if path.suffix == ".safetensors" else _torch(file)
    except OSError as error:
        raise ConfigError(f"{key}: {str(path)!r} cannot be read ({error.strerror})") from None
    except _NO_WEIGHTS as error:
        raise ConfigError(f"{key}: {str(path)!r} holds no weights ({one_line(error)[:100]})") from None
    # As training scripts save them beside other things.
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(stored, Mapping) and isinstance(stored.get(name), Mapping):
            stored = stored[name]
    if not isinstance(stored, Mapping) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise ConfigError(f"{key}: {str(path)!r} does not hold a state dict")
    return stored


def _torch(file: Any) -> Any:
    return torch.load(file, map_location="cpu", weights_only=True)


def _safetensors(content: bytes) -> Any:
    import safetensors.torch

    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from None
