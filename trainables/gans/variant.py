"""What a GAN is made of, as values: its settings, its networks, its loss and its extra terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Self, TypeAlias

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from trainables.data.images import ImageShape
from trainables.settings import ConfigError, dump, nearest, parse, settings


@settings
class GanSettings:
    """How a GAN is trained; the defaults are those of each variant.

    Both networks are optimised by Adam with `learning_rate`, `beta1` and `beta2`. `epochs` counts passes over the
    real images in batches of `batch_size`; a generator step follows every `discriminator_steps` of these batches.
    `milestones` are the epochs, ascending and below `epochs`, at which the generator is tried on the way.
    `weights` holds the factor of each of the variant's extra terms by name.
    """

    epochs: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    beta1: float = Field(ge=0, lt=1)
    beta2: float = Field(ge=0, lt=1)
    batch_size: int = Field(ge=2)
    latent_size: int = Field(ge=1)
    discriminator_steps: int = Field(ge=1)
    milestones: tuple[int, ...] = ()
    weights: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _milestones_lie_on_the_way(self) -> Self:
        steps = (0, *self.milestones, self.epochs)
        if any(earlier >= later for earlier, later in pairwise(steps)):
            raise ValueError(
                f"milestones {list(self.milestones)} have to ascend between epoch 1 and the last, {self.epochs}"
            )
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class Networks:
    """A generator and a discriminator.

    `generator(latents, labels)` maps latents [N, latent_size] and labels [N] to images [N, C, H, W] in [-1, 1];
    `discriminator(images, labels)` maps images and labels to logits [N], high where the image seems real.
    """

    generator: nn.Module
    discriminator: nn.Module


@dataclass(frozen=True, kw_only=True, eq=False)
class AdversarialStep:
    """All that one optimiser step, of either network, can see.

    Images [N, C, H, W] real and fake, the `labels` [N] that both have, and the discriminator's logits [N] for
    each. `random` is the step's source of random numbers, on the images' device.
    """

    discriminator: nn.Module
    real_images: Tensor
    fake_images: Tensor
    labels: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    random: torch.Generator


LogitsLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class AdversarialLoss:
    """What each network minimises: functions of (real_logits, fake_logits), in this order, to a scalar.

    Both see both logits, so that losses that compare the two (relativistic ones) have the same shape.
    """

    discriminator: LogitsLoss
    generator: LogitsLoss


@dataclass(frozen=True, kw_only=True)
class Term:
    """Something more to minimise: `function` of a step to a scalar, times the setting `weights[name]`."""

    name: str
    function: Callable[[AdversarialStep], Tensor]


@dataclass(frozen=True, kw_only=True)
class GanVariant:
    """A GAN as a value; one training loop serves all.

    `networks(shape, latent_size, num_classes)` builds it, its weights drawn from the global random state. A
    `conditional` variant learns all classes at once from its labels; any other is trained on one class.
    """

    name: str
    summary: str
    source: str
    defaults: GanSettings
    networks: Callable[[ImageShape, int, int], Networks]
    loss: AdversarialLoss
    discriminator_terms: tuple[Term, ...] = ()
    generator_terms: tuple[Term, ...] = ()
    conditional: bool = False

    def __post_init__(self) -> None:
        assert set(self.defaults.weights) == set(self.term_names), f"{self.name}: a weight for each term"

    @property
    def term_names(self) -> tuple[str, ...]:
        """The names of the extra terms of both networks."""
        return tuple(term.name for term in (*self.discriminator_terms, *self.generator_terms))


def parse_gan_settings(variant: GanVariant, values: object, *, where: str) -> GanSettings:
    """The defaults of `variant`, overlaid with the given `values`.

    Raises ConfigError where a key is unknown or a value not allowed.
    """
    given = _mapping(values, where)
    weights = _mapping(given.get("weights", {}), f"{where}.weights")
    for name in weights:
        if name not in variant.term_names:
            hint = nearest(name, variant.term_names) if variant.term_names else f"{variant.name} has no extra term"
            raise ConfigError(f"{where}.weights.{name}: unknown key; {hint}")
    overlaid = {**dump(variant.defaults), **given, "weights": {**variant.defaults.weights, **weights}}
    return parse(GanSettings, overlaid, where=where)


def _mapping(values: object, where: str) -> Mapping[str, object]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: {values!r} cannot be used; a mapping of names to values is needed")
    return {str(key): value for key, value in values.items()}
