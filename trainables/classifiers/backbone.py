"""Networks that were trained on other images: torchvision's, timm's and our own, as bodies of a classifier.

A network sees images at its own size and with its own normalisation; its weights are read from a file or from its
library's cache, and never downloaded.
"""

import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_study.trainables.base.files import Place, expand, open_regular
from gan_study.trainables.base.plugins import one_line
from gan_study.trainables.base.settings import ConfigError, nearest, settings
from gan_study.trainables.data.byte_images import Images
from gan_study.trainables.data.images import ImageShape

# Images that a network sees at once, always so many: the last digits of an image's features depend on how many
# there are, and which of them are known already depends on what a process did before.
BATCH = 16
# Features of images that are kept in a process, in float32 values: 256 MB, which those of 100,000 images by a
# ResNet-18 take. Of fewer images they are fewer.
MOST_VALUES = 64_000_000
# Images that are floats at once.
_FEATURES_AT_ONCE = 16 * BATCH
# At which own networks see images, unless a setting says otherwise: that of CIFAR-10.
OWN_SIZE = 32

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
    and so the number of classes, are not used. None: those that the library has in its cache; nothing is
    downloaded."""
    image_size: int | None = Field(default=None, ge=8)
    """Pixels a side at which it sees images; None: as its library has it for its own weights."""


@settings
class Backbone(Pretrained):
    """A pretrained network as the classifier `backbone`."""

    tuning: Literal["frozen", "fine_tuned"] = "frozen"
    """"frozen": a linear head on its features, which are computed once for each image; "fine_tuned": all of its
    weights are trained on, with the head."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a network is shown images: at `size` pixels, its three colours shifted by `mean` and scaled by `std`."""

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
class _Loaded:
    """A network without its last layer, in evaluation mode on the CPU, and what its features [N, D] are."""

    network: nn.Module
    preprocessing: Preprocessing
    num_features: int


class TrainedBody(nn.Module):
    """A pretrained network whose weights are trained on; images [N, C, H, W] in [-1, 1] to features [N, D]."""

    def __init__(self, loaded: _Loaded) -> None:
        super().__init__()
        self.network, self.preprocessing = deepcopy(loaded.network), loaded.preprocessing

    def forward(self, images: Tensor) -> Tensor:
        """Features [N, D]."""
        if self.training:
            return _features(self.network, self.preprocessing, images)
        return _features_in_batches(self.network, self.preprocessing, images)


class FrozenBody(nn.Module):
    """A pretrained network that stays as it is; the features of an image are computed once in a process.

    They are shifted by `mean` and divided by `std`, both [D]: networks differ in the scale of their features, and
    a linear head learns as fast from all of them if each has mean 0 and deviation 1.
    """

    def __init__(
        self, pretrained: Pretrained, *, where: str, mean: Tensor | float = 0.0, std: Tensor | float = 1.0
    ) -> None:
        super().__init__()
        self._pretrained, self._where, self._mean, self._std = pretrained, where, mean, std
        # No module among its attributes: neither an optimiser nor a state dict has the network's weights.
        self._load = partial(_on_device, pretrained, where)
        self._known = _known_features(pretrained)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features [N, D] of images [N, C, H, W] in [-1, 1]; those that are known are looked up."""
        if not len(images):
            return self.compute(images)
        shape = repr(tuple(images.shape[1:])).encode()
        names = [hashlib.blake2b(shape + image.tobytes()).digest() for image in images.cpu().numpy()]
        found = {name: self._known[name] for name in names if name in self._known}
        missing = {name: row for row, name in enumerate(names) if name not in found}
        if missing:
            rows = torch.tensor(list(missing.values()), device=images.device)
            found |= zip(missing, self._compute(images[rows]).cpu(), strict=True)
        self._known.add(found)
        return self._scaled(torch.stack([found[name] for name in names]).to(images.device))

    def features(self, images: Images) -> Tensor:
        """Features [N, D] of images [N, C, H, W] in [-1, 1], however many."""
        return torch.cat([self(batch) for batch in images.split(_FEATURES_AT_ONCE)])

    def standardised(self, images: Images) -> tuple["FrozenBody", Tensor]:
        """The same network, its features of `images` [N, C, H, W] of mean 0 and, unless constant, deviation 1.

        And these features [N, D].
        """
        features = FrozenBody(self._pretrained, where=self._where).features(images)
        std = features.std(dim=0, correction=0)
        std = torch.where(std > 0, std, 1.0)
        body = FrozenBody(self._pretrained, where=self._where, mean=features.mean(dim=0), std=std)
        return body, body._scaled(features)

    def _scaled(self, features: Tensor) -> Tensor:
        return (features - self._mean) / self._std

    @torch.no_grad()
    def compute(self, images: Tensor) -> Tensor:
        """Features [N, D] of images that are seen once, such as augmented ones."""
        return self._scaled(self._compute(images))

    def _compute(self, images: Tensor) -> Tensor:
        loaded = self._load(images.device)
        return _features_in_batches(loaded.network, loaded.preprocessing, images)


class _KnownFeatures:
    """Features by the image's digest; the oldest go when there are more than `MOST_VALUES` values."""

    def __init__(self) -> None:
        self._by_image: OrderedDict[bytes, Tensor] = OrderedDict()

    def __contains__(self, name: bytes) -> bool:
        return name in self._by_image

    def __getitem__(self, name: bytes) -> Tensor:
        return self._by_image[name]

    def add(self, found: Mapping[bytes, Tensor]) -> None:
        """Take in the features `found`."""
        for name, features in found.items():
            self._by_image[name] = features
            self._by_image.move_to_end(name)
        while self._by_image and len(self._by_image) * found[name].numel() > MOST_VALUES:
            self._by_image.popitem(last=False)


@lru_cache(maxsize=2)
def _known_features(pretrained: Pretrained) -> _KnownFeatures:
    return _KnownFeatures()


def _features_in_batches(network: nn.Module, preprocessing: Preprocessing, images: Tensor) -> Tensor:
    """Features [N, D], by batches of one size, the last filled up with black."""
    missing = -len(images) % BATCH
    filled = torch.cat([images, images.new_zeros(missing, *images.shape[1:])])
    return torch.cat([_features(network, preprocessing, each) for each in torch.split(filled, BATCH)])[
        : len(images)
    ]


def _features(network: nn.Module, preprocessing: Preprocessing, images: Tensor) -> Tensor:
    features = network(preprocessing(images))
    # While they are trained, Inception and GoogLeNet give those of further heads too.
    return features if isinstance(features, Tensor) else features[0]


def backbone_body(backbone: Backbone, shape: ImageShape, *, where: str) -> tuple[nn.Module, int]:
    """The network of `backbone` from images to features [N, D], and D; raises ConfigError as `load` does."""
    loaded = load(backbone, where=where)
    body = FrozenBody(backbone, where=where) if backbone.tuning == "frozen" else TrainedBody(loaded)
    return body, loaded.num_features


@lru_cache(maxsize=2)
def _on_device(pretrained: Pretrained, where: str, device: torch.device) -> _Loaded:
    loaded = load(pretrained, where=where)
    return loaded if device.type == "cpu" else replace(loaded, network=deepcopy(loaded.network).to(device))


@lru_cache(maxsize=4)
def load(pretrained: Pretrained, *, where: str) -> _Loaded:
    """The network with its weights, without its last layer.

    Raises ConfigError, whose key begins with `where`, if its library or its weights are not there, or if the
    weights are another network's.
    """
    make = _LIBRARIES[pretrained.library]
    empty = make(pretrained, where)
    _fill(empty, find_weights(pretrained, where=where), pretrained, where)
    network = empty.network.eval()
    size = empty.preprocessing.size
    try:
        with torch.no_grad():
            features = _features(network, empty.preprocessing, torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"{where}.image_size: {pretrained.model} takes no images of {size} pixels ({one_line(error)})"
        ) from None
    if features.ndim != 2:
        raise ConfigError(f"{where}.model: {pretrained.model!r} gives no features [N, D]; choose another network")
    return _Loaded(network=network, preprocessing=empty.preprocessing, num_features=features.shape[1])


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
        raise ConfigError(f"{where}.model: {pretrained.model!r} ends with no linear layer; choose another network")
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


def _timm_library(where: str) -> ModuleType:
    try:
        return import_module("timm")
    except ImportError:
        raise ConfigError(f"{where}.library: timm is not installed; `pip install 'gan-study[timm]'`") from None


def _timm(pretrained: Pretrained, where: str) -> _Empty:
    timm = _timm_library(where)
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
    # The catalog imports this module.
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
    timm = _timm_library(where)
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


def _fill(empty: _Empty, path: Path, pretrained: Pretrained, where: str) -> None:
    """Load the weights in the file `path`; raises ConfigError if they are not those of the network."""
    key = f"{where}.weights"
    own = empty.network.state_dict()
    # A network that was trained on several devices at once has this before each name.
    stored = {name.removeprefix("module."): value for name, value in _read_state(path, key).items()}
    is_head = tuple(empty.heads)
    left = {name: value for name, value in stored.items() if not (is_head and name.startswith(is_head))}
    wrong = [f"{name!r} is missing" for name in own if name not in left]
    wrong += [f"{name!r} is none of it" for name in left if name not in own]
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


# What torch and safetensors raise for a file that holds something else.
_NO_WEIGHTS = (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, AttributeError, ValueError)


def _read_state(path: Path, key: str) -> Mapping[str, Tensor]:
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
        raise ConfigError(f"{key}: {str(path)!r} holds no state dict")
    return stored


def _torch(file: Any) -> Any:
    return torch.load(file, map_location="cpu", weights_only=True)


def _safetensors(content: bytes) -> Any:
    import safetensors.torch

    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from None
