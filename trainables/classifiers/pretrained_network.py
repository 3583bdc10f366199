"""torchvision's, timm's and our own networks with their weights, and the preprocessing of their images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_study.trainables.base.plugins import one_line
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.classifiers.pretrained import Library, Pretrained, find_weights, read_state, timm_library
from gan_study.trainables.data.images import ImageShape

# At which own networks see images, unless a setting says otherwise: that of CIFAR-10.
OWN_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The preprocessing for a network: images at `size` pixels, three colours shifted by `mean` and scaled by
    `std`.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    mode: Literal["bilinear", "bicubic"]

    def __call__(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1], grey or colour, as the network expects them: [N, 3, size, size]."""
        images = (images.expand(-1, 3, -1, -1) + 1) / 2
        if images.shape[-1] != self.size:
            size = (self.size, self.size)
            # Cubic interpolation overshoots at edges.
            images = interpolate(images, size=size, mode=self.mode, antialias=True).clamp(0, 1)
        # Written on the device number by number: a list of numbers would be uploaded in every step, and waited
        # for.
        mean, std = (
            torch.stack([images.new_full((), value) for value in values])[:, None, None]
            for values in (self.mean, self.std)
        )
        return (images - mean) / std


@dataclass(frozen=True, kw_only=True, eq=False)
class PretrainedNetwork:
    """A network without its last layer, in evaluation mode on the CPU, and the kind of its features [N, D]."""

    network: nn.Module
    preprocessing: Preprocessing
    num_features: int


def features_of(network: nn.Module, preprocessing: Preprocessing, images: Tensor) -> Tensor:
    """Features [N, D] of images [N, C, H, W] in [-1, 1], all at once."""
    features = network(preprocessing(images))
    # While they are trained, Inception and GoogLeNet give those of further heads too.
    return features if isinstance(features, Tensor) else features[0]


@lru_cache(maxsize=4)
def load(pretrained: Pretrained, *, where: str) -> PretrainedNetwork:
    """The network with its weights, without its last layer.

    Raises ConfigError, whose key begins with `where`, if its library or its weights are missing, or if the weights
    belong to another network.
    """
    make = _LIBRARIES[pretrained.library]
    empty = make(pretrained, where)
    _fill(empty, find_weights(pretrained, where=where), pretrained, where)
    network = empty.network.eval()
    size = empty.preprocessing.size
    try:
        with torch.no_grad():
            features = features_of(network, empty.preprocessing, torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"{where}.image_size: {pretrained.model} takes no images of {size} pixels ({one_line(error)})"
        ) from None
    if features.ndim != 2:
        raise ConfigError(
            f"{where}.model: {pretrained.model!r} does not give features [N, D]; choose another network"
        )
    return PretrainedNetwork(network=network, preprocessing=empty.preprocessing, num_features=features.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Empty:
    """A network as its library begins it, without its last layer, and the names under which its file has that."""

    network: nn.Module
    preprocessing: Preprocessing
    heads: tuple[str, ...]


def _torchvision(pretrained: Pretrained, where: str) -> _Empty:
    from torchvision import models  # late: it takes a second

    known = models.list_models(module=models)
    if pretrained.model not in known:
        raise ConfigError(f"{where}.model: {pretrained.model!r} is unknown; {nearest(pretrained.model, known)}")
    # Weights that are thrown away need not be drawn well, which takes these two half a minute.
    quick = {"init_weights": False} if pretrained.model in ("inception_v3", "googlenet") else {}
    network = models.get_model(pretrained.model, weights=None, **quick)
    last = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1:]
    if not last:
        raise ConfigError(
            f"{where}.model: {pretrained.model!r} does not end with a linear layer; choose another network"
        )
    parent, _, name = last[0].rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    preset = models.get_model_weights(pretrained.model).DEFAULT.transforms()
    preprocessing = Preprocessing(
        size=pretrained.image_size or preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        mode="bicubic" if preset.interpolation.value == "bicubic" else "bilinear",
    )
    if "transform_input" in vars(network):
        # Its own change of the normalisation, which the published weights of these two ask for.
        network.transform_input = True
    return _Empty(network=network, preprocessing=preprocessing, heads=(f"{last[0]}.",))


def _timm(pretrained: Pretrained, where: str) -> _Empty:
    timm = timm_library(where)
    if not timm.is_model(pretrained.model.partition(".")[0]):
        # There are more than a thousand: without a near one all would be named.
        near = nearest(pretrained.model, timm.list_models())
        hint = near if near.startswith("did you mean") else "see timm.list_models()"
        raise ConfigError(f"{where}.model: {pretrained.model!r} is unknown to timm; {hint}")
    try:
        network = timm.create_model(pretrained.model, pretrained=False, num_classes=0)
    # An unknown tag behind the dot.
    except RuntimeError as error:
        raise ConfigError(f"{where}.model: {pretrained.model!r}: {one_line(error)}") from None
    config = network.pretrained_cfg
    preprocessing = Preprocessing(
        size=pretrained.image_size or config["input_size"][-1],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        mode="bicubic" if config["interpolation"] == "bicubic" else "bilinear",
    )
    names = config["classifier"] or ()
    heads = (names,) if isinstance(names, str) else tuple(names)
    return _Empty(network=network, preprocessing=preprocessing, heads=tuple(f"{name}." for name in heads))


def _own(pretrained: Pretrained, where: str) -> _Empty:
    # The catalog imports the backbone, which imports this module.
    from gan_study.trainables.classifiers.catalog import CLASSIFIERS

    size = pretrained.image_size or OWN_SIZE
    body, _ = CLASSIFIERS.find(pretrained.model, where=f"{where}.model").body(ImageShape(size=size, channels=3))
    centred = (0.5, 0.5, 0.5)
    preprocessing = Preprocessing(size=size, mean=centred, std=centred, mode="bilinear")
    return _Empty(network=body, preprocessing=preprocessing, heads=())


_LIBRARIES: Mapping[Library, Callable[[Pretrained, str], _Empty]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "gan_study": _own,
}


def _fill(empty: _Empty, path: Path, pretrained: Pretrained, where: str) -> None:
    """Load the weights in the file `path`; raises ConfigError if they are not those of the network."""
    key = f"{where}.weights"
    own = empty.network.state_dict()
    # A network that was trained on several devices at once has this before each name.
    stored = {name.removeprefix("module."): value for name, value in read_state(path, key).items()}
    is_head = tuple(empty.heads)
    left = {name: value for name, value in stored.items() if not (is_head and name.startswith(is_head))}
    wrong = [f"{name!r} is missing" for name in own if name not in left]
    wrong += [f"{name!r} does not belong to it" for name in left if name not in own]
    wrong += [
        f"{name!r} has the shape {list(left[name].shape)}, not {list(value.shape)}"
        for name, value in own.items()
        if name in left and left[name].shape != value.shape
    ]
    if wrong:
        raise ConfigError(
            f"{key}: {str(path)!r} does not hold weights of {pretrained.library}'s {pretrained.model}: {wrong[0]}"
        )
    empty.network.load_state_dict(left)
