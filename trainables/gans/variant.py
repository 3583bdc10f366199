"""The parts of a GAN, as values: its settings, its networks, its loss and its extra terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_study.trainables.base.precision import Precision
from gan_study.trainables.base.settings import ConfigError, nearest, parse, settings
from gan_study.trainables.data.byte_images import Images
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.length import MOST_AT_ONCE, TrainingLength, displaced_lengths
from gan_study.trainables.gans.random_streams import RandomStream

T = TypeVar("T")


@settings
class GanSettings(TrainingLength):
    """How a GAN is trained; each variant has its own defaults. Adam optimises both networks."""

    learning_rate: float = Field(gt=0)
    """The learning rate of Adam, for both networks."""
    beta1: float = Field(ge=0, lt=1)
    """Adam's decay rate of the first moment."""
    beta2: float = Field(ge=0, lt=1)
    """Adam's decay rate of the second moment."""
    latent_size: int = Field(ge=1, le=MOST_AT_ONCE)
    """Number of normal random numbers that an image is generated from."""
    discriminator_steps: int = Field(ge=1)
    """A generator step follows after this many batches."""
    weights: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """The factor of each of the variant's extra terms, by name."""
    weight_clip: float | None = Field(default=None, gt=0)
    """Each weight of the discriminator is clipped to +-c after its steps (Arjovsky et al. 2017, algorithm 1)."""
    diff_augment: bool = False
    """The discriminator sees randomly altered images, both real and fake (Zhao et al. 2020)."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Above 0, images are sampled from an exponential average of the generator's weights."""
    pretrain: Literal["none", "all_classes"] = "none"
    """"all_classes": a variant that is trained on one class starts with the weights of a GAN that was trained,
    for the minimum length, on the images of all classes."""
    warm_start_epochs: int = Field(default=0, ge=0)
    """Number of passes of the preliminary training, if the variant has one."""
    precision: Precision = "float32"
    """The precision of matrix products and convolutions."""

    @property
    def batches_per_step(self) -> int:
        """Batches of real images in one generator step."""
        return self.discriminator_steps


# What most variants share, as the MNIST and the X-ray report have it (Radford et al. 2015, section 4, for Adam
# and the latent size); a variant says how it differs.
DEFAULTS = GanSettings(
    generator_steps=2000,
    most_generator_steps=6000,
    learning_rate=2e-4,
    beta1=0.5,
    beta2=0.999,
    batch_size=32,
    latent_size=100,
    discriminator_steps=1,
)


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator for N images.

    `logits` [N] are high if an image seems real; `class_logits` [N, K] are high for the class that it seems to
    have, and None if the discriminator does not classify.
    """

    logits: Tensor
    class_logits: Tensor | None = None

    def apply(self, change: Callable[[Tensor], Tensor]) -> "DiscriminatorOutput":
        """The output with `change` applied to the logits and, if there are any, the class logits."""
        classes = None if self.class_logits is None else change(self.class_logits)
        return DiscriminatorOutput(change(self.logits), classes)


# A generator's images [N, C, H, W], or what a discriminator says of N images.
Output: TypeAlias = Tensor | DiscriminatorOutput


class Realness(nn.Module):
    """The last layer of a discriminator that does not classify: values [N, 1] or [N] as logits."""

    def forward(self, values: Tensor) -> DiscriminatorOutput:
        """The values as logits [N]."""
        return DiscriminatorOutput(logits=values.flatten())


class IgnoreLabels(nn.Module):
    """`body` of the input alone: an unconditional network."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor, labels: Tensor) -> Output:
        """The output of `body` for the inputs."""
        outputs: Output = self.body(inputs)
        return outputs


@dataclass(frozen=True, kw_only=True, eq=False)
class Networks:
    """A generator and a discriminator.

    `generator(latents, labels)` maps latents [N, latent_size] and labels [N] to images [N, C, H, W] in [-1, 1];
    `discriminator(images, labels)` maps images and labels to a DiscriminatorOutput.
    """

    generator: nn.Module
    discriminator: nn.Module


class Discriminator(Protocol):
    """The interface of a discriminator for losses and terms."""

    def __call__(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        """Its output for images [N, C, H, W] under `labels` [N]."""
        ...

    def input_gradients(self, images: Tensor, labels: Tensor) -> Tensor:
        """The gradient of each image's logit [N, C, H, W], itself differentiable by the weights."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class AdversarialStep:
    """Everything that the loss of one optimiser step, of either network, depends on.

    Real and fake images [N, C, H, W], as the discriminator gets them, the `labels` [N] of both, and its outputs
    `real` and `fake`; in a generator step `real` is empty unless the loss compares. `random` is the step's source
    of random numbers.

    A term handles one GAN, even if several are trained together. It must use only `random` for random numbers and
    `discriminator.input_gradients` for gradients: torch.func.vmap allows neither generators nor torch.autograd.
    """

    discriminator: Discriminator
    real_images: Tensor
    fake_images: Tensor
    labels: Tensor
    num_classes: int
    real: DiscriminatorOutput
    fake: DiscriminatorOutput
    random: RandomStream


LogitsLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class AdversarialLoss:
    """What each network minimises: functions of (real_logits, fake_logits), in this order, that return a scalar.

    With `compares` the generator's loss compares fake images with real ones; without, real images are not scored
    in its step, and its real_logits are empty.
    """

    discriminator: LogitsLoss
    generator: LogitsLoss
    compares: bool = False


@dataclass(frozen=True, kw_only=True)
class Term:
    """An extra term of a loss: `function` of a step that returns a scalar, multiplied by the setting
    `weights[name]`.
    """

    name: str
    function: Callable[[AdversarialStep], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pretrained:
    """Initial weights of a training, instead of random ones."""

    name: str
    """The name and the length of the training that they come from."""
    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """The training data of a GAN, and its initial weights."""

    images: Images
    """[N, C, H, W] in [-1, 1]."""
    labels: Tensor
    """[N], below `num_classes`."""
    num_classes: int
    start: Pretrained | None = None
    """None: weights are drawn."""

    @property
    def shape(self) -> ImageShape:
        """Size and channels of every image."""
        return ImageShape(size=self.images.shape[-1], channels=self.images.shape[1])


# (shape of the images, latent size, number of classes); the weights are drawn from the global random state.
MakeNetworks: TypeAlias = Callable[[ImageShape, int, int], Networks]
WarmStart: TypeAlias = Callable[[Networks, TrainingData, GanSettings, torch.Generator], None]


@dataclass(frozen=True, kw_only=True)
class GanVariant:
    """A GAN as a value; one training loop serves all.

    `networks(shape, latent_size, num_classes)` builds it, with weights from the global random state. A
    `conditional` variant learns all classes at once from its labels; any other is trained on one class.
    `warm_start` trains the networks, in place and on the data's device, for `warm_start_epochs` before the
    adversarial training begins; it uses only the given random generator. With `channels_last` the networks' maps
    have this memory format, which makes most convolutions faster; no number depends on it.
    """

    name: str
    summary: str
    source: str
    defaults: GanSettings
    networks: MakeNetworks
    loss: AdversarialLoss
    discriminator_terms: tuple[Term, ...] = ()
    generator_terms: tuple[Term, ...] = ()
    conditional: bool = False
    warm_start: WarmStart | None = None
    channels_last: bool = True

    def __post_init__(self) -> None:
        assert set(self.defaults.weights) == set(self.term_names), f"{self.name}: a weight for each term"
        assert self.warm_start or not self.defaults.warm_start_epochs, f"{self.name}: no warm start"

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory format of the networks' maps."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def term_names(self) -> tuple[str, ...]:
        """The names of the extra terms of both networks."""
        return tuple(dict.fromkeys(term.name for term in (*self.discriminator_terms, *self.generator_terms)))

    @property
    def settings_without_use(self) -> frozenset[str]:
        """The names of the settings that this variant does not use; they keep their defaults."""
        unused = frozenset[str]() if self.warm_start else frozenset({"warm_start_epochs"})
        return unused | {"pretrain"} if self.conditional else unused


def parse_gan_settings(variant: GanVariant, values: object, *, where: str) -> GanSettings:
    """The defaults of `variant`, overlaid with the given `values`.

    Raises ConfigError if a key is unknown or a value not allowed.
    """
    given = _mapping(values, where)
    weights = _mapping(given.get("weights", {}), f"{where}.weights")
    for name in weights:
        if name not in variant.term_names:
            hint = nearest(name, variant.term_names) if variant.term_names else f"{variant.name} has no extra term"
            raise ConfigError(f"{where}.weights.{name}: unknown key; {hint}")
    for name in variant.settings_without_use & given.keys():
        if given[name] != getattr(variant.defaults, name):
            raise ConfigError(f"{where}.{name}: {given[name]!r} cannot be used; {variant.name} does not use it")
    defaults = vars(variant.defaults) | dict.fromkeys(displaced_lengths(given))
    overlaid = {**defaults, **given, "weights": {**variant.defaults.weights, **weights}}
    return parse(GanSettings, overlaid, where=where)


def _mapping(values: object, where: str) -> Mapping[str, object]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: {values!r} cannot be used; a mapping of names to values is needed")
    return {str(key): value for key, value in values.items()}
