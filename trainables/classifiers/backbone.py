"""Pretrained networks as bodies of a classifier: frozen, or trained on.

A network gets images at its own size and with its own normalisation.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial
from typing import Literal

import torch
from torch import Tensor, nn

from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.pretrained import Pretrained
from gan_study.trainables.classifiers.pretrained_network import Preprocessing, PretrainedNetwork, features_of, load
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


@settings
class Backbone(Pretrained):
    """A pretrained network as the classifier `backbone`."""

    tuning: Literal["frozen", "fine_tuned"] = "frozen"
    """"frozen": a linear head on its features, which are computed once for each image; "fine_tuned": all of its
    weights are trained further, with the head."""


class TrainedBody(nn.Module):
    """A pretrained network whose weights are trained further; images [N, C, H, W] in [-1, 1] to features [N,
    D].
    """

    def __init__(self, loaded: PretrainedNetwork) -> None:
        super().__init__()
        self.network, self.preprocessing = deepcopy(loaded.network), loaded.preprocessing

    def forward(self, images: Tensor) -> Tensor:
        """Features [N, D]."""
        if self.training:
            return features_of(self.network, self.preprocessing, images)
        return _features_in_batches(self.network, self.preprocessing, images)


class FrozenBody(nn.Module):
    """A frozen pretrained network; the features of an image are computed once in a process.

    They are shifted by `mean` and divided by `std`, both [D]: networks differ in the scale of their features, and
    a linear head learns equally fast from all of them if each has mean 0 and deviation 1.
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
        """Features [N, D] of images [N, C, H, W] in [-1, 1]; known ones are looked up."""
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
        """Features [N, D] of any number of images [N, C, H, W] in [-1, 1]."""
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
        """Features [N, D] of images that are used once, such as augmented ones."""
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
        """Add the features `found`."""
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
    return torch.cat([features_of(network, preprocessing, each) for each in torch.split(filled, BATCH)])[
        : len(images)
    ]


def backbone_body(backbone: Backbone, shape: ImageShape, *, where: str) -> tuple[nn.Module, int]:
    """The network of `backbone` from images to features [N, D], and D; raises ConfigError as `load` does."""
    loaded = load(backbone, where=where)
    body = FrozenBody(backbone, where=where) if backbone.tuning == "frozen" else TrainedBody(loaded)
    return body, loaded.num_features


@lru_cache(maxsize=2)
def _on_device(pretrained: Pretrained, where: str, device: torch.device) -> PretrainedNetwork:
    loaded = load(pretrained, where=where)
    return loaded if device.type == "cpu" else replace(loaded, network=deepcopy(loaded.network).to(device))
