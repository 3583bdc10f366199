"""A trained generator as files: weights, the information needed to use them, and a card."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gan_study.trainables.balancing.autoencoder.code_interpolation import CodeInterpolation
from gan_study.trainables.balancing.autoencoder.training import MOST_CODES, AutoencoderSettings, make_interpolation
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.deep_smote import DEEP_SMOTE, DeepSmote
from gan_study.trainables.balancing.flow_matching import FLOW_MATCHING, FlowMatching
from gan_study.trainables.balancing.generator import GeneratorBalancing, TrainedGenerators, samples_seed
from gan_study.trainables.base.arguments import check_argument, checked_arguments
from gan_study.trainables.base.files import named_path, read_bytes
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.names import folder_name
from gan_study.trainables.base.seeding import seeded_global_state
from gan_study.trainables.base.settings import (
    ConfigError,
    DataError,
    UserError,
    find_name,
    nearest,
    settings,
)
from gan_study.trainables.data.byte_images import resize, to_bytes
from gan_study.trainables.data.images import Classes, ImageShape, ImageSize
from gan_study.trainables.export.layout import read_settings, write_png, write_settings
from gan_study.trainables.export.synthetic_mark import SyntheticMark
from gan_study.trainables.flow.training import FlowSettings, make_flow
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.ema import network_of
from gan_study.trainables.gans.sampling import sample_batches
from gan_study.trainables.image_quality.copying import find_repeats
from gan_study.trainables.runtime.folders import refuse_links
from gan_study.trainables.runtime.process import with_torch_defaults
from gan_study.trainables.runtime.storage import write_atomically

# So many images of a class suffice to see that they repeat one another; pictures that differ by four levels of 255
# (the root of the mean square) look the same.
_MOST_COMPARED, _ALIKE_LEVELS = 500, 4.0

CONFIG, WEIGHTS, CARD = "generator.json", "generator.safetensors", "README.md"


@settings
class FilledClass:
    """How images of a class are generated: with which network, and which label."""

    network: int = Field(ge=0)
    label: int = Field(ge=0)


@settings
class GeneratorConfig:
    """Everything needed to sample from the weights.

    The networks are those of the GAN `variant`, of a `flow` or of an `autoencoder`, for images of `trained_size`
    pixels; these are resized to `image_size`. `classes` maps the name of each class that they can generate.
    """

    format_version: Literal[1] = 1
    variant: str
    latent_size: int = Field(ge=1)
    channels: Literal[1, 3]
    trained_size: ImageSize
    image_size: ImageSize
    num_classes: int = Field(ge=1)
    classes: Mapping[str, FilledClass] = Field(min_length=1)
    flow: FlowSettings | None = None
    """How the flow was trained and is sampled; None for other methods."""
    autoencoder: AutoencoderSettings | None = None
    """How the autoencoder was trained, and between which codes images are made; None for other methods."""
    num_codes: int = Field(default=0, ge=0, le=MOST_CODES)
    """Codes of a class in the autoencoder's weights: those of the largest class; 0 for other methods."""
    weights_sha256: str | None = None
    """SHA-256 of the file of weights beside it; None if not noted."""

    @model_validator(mode="after")
    def _labels_are_of_classes(self) -> Self:
        for name, filled in self.classes.items():
            if filled.label >= self.num_classes:
                raise ValueError(f"class {name!r} has the label {filled.label} of {self.num_classes} classes")
        return self

    @model_validator(mode="after")
    def _is_a_known_method(self) -> Self:
        owners = {"flow": FLOW_MATCHING.name, "autoencoder": DEEP_SMOTE.name}
        for section, owner in owners.items():
            if (getattr(self, section) is not None) != (self.variant == owner):
                raise ValueError(f"variant is {self.variant!r}; `{section}` belongs to {owner!r} alone")
        return self

    @property
    def num_networks(self) -> int:
        """One for all classes, or one for each."""
        return 1 + max(filled.network for filled in self.classes.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedGenerator:
    """Networks with their trained weights, in evaluation mode."""

    config: GeneratorConfig
    networks: nn.ModuleList

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that it can generate."""
        return tuple(self.config.classes)

    def sample(self, class_name: str, number: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
        """`number` images of a class as bytes [number, C, H, H]; equal seeds give equal images.

        Raises ConfigError for a class that it cannot generate and for a number that is not whole, and
        MemoryShortageError for more images than fit into memory.
        """
        number = _whole(number)
        refuse_beyond_memory(number * self.num_bytes, f"{number:,} images")
        return np.concatenate([*self.batches(class_name, number, seed=seed)])

    def batches(self, class_name: str, number: int, *, seed: int = 0) -> Iterator[npt.NDArray[np.uint8]]:
        """The images of `sample`, a few at a time, generated on request."""
        check_argument("class_name", class_name, str)
        check_argument("seed", seed, int)
        name = find_name(self.class_names, class_name)
        if name is None:
            hint = nearest(class_name, self.class_names)
            raise ConfigError(f"this generator does not know the class {class_name!r}; {hint}")
        filled = self.config.classes[name]
        config, number = self.config, _whole(number)
        refuse_beyond_memory(number * (8 + 4 * config.latent_size), f"{number:,} images")
        return self._batches(filled, number, seed=samples_seed(seed, filled.label))

    @with_torch_defaults
    def _batches(self, filled: FilledClass, number: int, *, seed: int) -> Iterator[npt.NDArray[np.uint8]]:
        network, labels = self.networks[filled.network], torch.full((number,), filled.label)
        for images in sample_batches(network, labels, self.config.latent_size, seed=seed):
            yield to_bytes(_finite(resize(images, self.config.image_size)))

    @property
    def num_bytes(self) -> int:
        """Bytes of one image."""
        return self.config.channels * self.config.image_size**2


def collect_generators(
    trained: TrainedGenerators, balancing: BalancingConfig, shape: ImageShape, classes: Classes
) -> SavedGenerator:
    """The generators that fill classes of images of `shape`."""
    balancer = balancing.balancer
    assert isinstance(balancer, GeneratorBalancing), "nothing else trains generators"
    by_label = {label: network_of(each.generator) for label, each in trained.by_label.items()}
    networks = list(dict.fromkeys(by_label.values()))
    config = GeneratorConfig(
        variant=balancing.name,
        latent_size=next(iter(trained.by_label.values())).latent_size,
        channels=1 if shape.channels == 1 else 3,
        trained_size=balancer.image_size or shape.size,
        image_size=shape.size,
        num_classes=len(classes.names),
        classes={
            classes.names[label]: FilledClass(network=networks.index(network), label=label)
            for label, network in by_label.items()
        },
        flow=balancer.flow if isinstance(balancer, FlowMatching) else None,
        autoencoder=balancer.autoencoder if isinstance(balancer, DeepSmote) else None,
        num_codes=max(each.num_codes if isinstance(each, CodeInterpolation) else 0 for each in networks),
    )
    return SavedGenerator(config=config, networks=nn.ModuleList(networks))


def write_generator(folder: Path, generator: SavedGenerator, *, card: str) -> None:
    """Three files in `folder`: the weights as safetensors, the configuration as JSON, and the `card`."""
    content = _serialise(generator)
    write_atomically(folder / WEIGHTS, content)
    write_settings(folder / CONFIG, replace(generator.config, weights_sha256=sha256(content).hexdigest()))
    write_atomically(folder / CARD, card.encode())


def _whole(number: object) -> int:
    """`number` as an int; raises ConfigError if it is no whole number from 0 on."""
    if (
        not isinstance(number, int | float | np.integer)
        or isinstance(number, bool)
        or not 0 <= number < math.inf
        or number != int(number)
    ):
        raise ConfigError(f"number: {number!r} cannot be used; a whole number of images is needed")
    return int(number)


def weights_digest(generator: SavedGenerator) -> str:
    """The SHA-256 of the file of weights that `write_generator` would write."""
    return sha256(_serialise(generator)).hexdigest()


def _serialise(generator: SavedGenerator) -> bytes:
    return save({name: tensor.cpu().contiguous() for name, tensor in generator.networks.state_dict().items()})


def _finite(images: Tensor) -> Tensor:
    if not torch.isfinite(images).all():
        raise DataError("the generator makes images with values that are not numbers; its weights are damaged")
    return images


class Samples(NamedTuple):
    """Images that were written."""

    folder: Path
    num_compared: int
    """How many of them were compared: the first ones."""
    num_distinct: int
    """How many different images these show; images that differ by a few of 255 levels count once."""


def write_samples(generator: SavedGenerator, class_name: str, number: int, out: Path, *, seed: int) -> Samples:
    """Writes images of a class as marked PNG files, as they are generated, into a new folder below `out`.

    Raises UserError if it is not empty, or if there is not enough space.
    """
    batches = generator.batches(class_name, number, seed=seed)
    folder = out / folder_name(class_name)
    refuse_links(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another --out")
    _refuse_beyond_disk(folder, number, num_bytes=number * generator.num_bytes)
    first = []
    mark = SyntheticMark(generator_sha256=generator.config.weights_sha256 or weights_digest(generator), seed=seed)
    for i, pixels in enumerate(pixels for images in batches for pixels in images):
        write_png(folder / f"synthetic-{i:06d}.png", pixels, mark=mark)
        if i < _MOST_COMPARED:
            first.append(pixels.reshape(-1).astype(np.float64))
    compared = np.stack(first) if first else np.empty((0, 1))
    found = find_repeats(compared, nearer_than=_ALIKE_LEVELS * math.sqrt(compared.shape[1]))
    return Samples(folder, len(compared), found.num_distinct)


def _refuse_beyond_disk(folder: Path, number: int, *, num_bytes: int) -> None:
    """Raise UserError if so many files of so many bytes in all do not fit where `folder` is to be."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    disk = os.statvfs(there)
    # Each file takes whole blocks; some file systems have no limit on the number of files, and say 0.
    needed = max(num_bytes, number * disk.f_bsize)
    # One that holds no files, such as /proc, has no blocks either, and refuses the first file.
    if (disk.f_blocks and needed > disk.f_bavail * disk.f_frsize) or 0 < disk.f_favail < number:
        raise UserError(f"--num {number}: {needed / 1e9:,.1f} GB are more than the free space in {there}")


@with_torch_defaults
@checked_arguments
def load_generator(folder: Path | str) -> SavedGenerator:
    """Read a generator that `gan-study balance` or `export_balanced` wrote; no code in the files is run.

    Parameters
    ----------
    folder : Path or str
        The folder with `generator.json` and the weights.

    Returns
    -------
    SavedGenerator
        The generator on the CPU; `sample(class_name, number, seed=0)` makes images.

    Raises
    ------
    DataError
        If files are missing, were changed, or do not belong together.
    ConfigError
        If the configuration is invalid.

    Examples
    --------
    >>> from gan_study import load_generator
    >>> generator = load_generator("balanced/generator")
    >>> generator.sample("lynx", 3).shape
    (3, 1, 8, 8)
    """
    folder = named_path(folder)
    config = read_settings(GeneratorConfig, folder / CONFIG, what="generator")
    if config.flow is None and config.autoencoder is None:
        VARIANTS.find(config.variant, where=f"{folder / CONFIG}: variant")
    try:
        content = read_bytes(folder / WEIGHTS)
        if config.weights_sha256 not in (None, sha256(content).hexdigest()):
            raise ValueError("the file was changed or replaced: its SHA-256 is different")
        weights = load(content)
        _refuse_larger(config, weights)
        networks = _networks(config)
        networks.load_state_dict(weights)
    except FileNotFoundError:
        raise DataError(f"{folder}: {WEIGHTS} is missing") from None
    except (SafetensorError, RuntimeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{folder / WEIGHTS} does not contain the weights of {CONFIG}: {reason}") from None
    return SavedGenerator(config=config, networks=networks.eval())


def _refuse_larger(config: GeneratorConfig, weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless the networks of a configuration have just the `weights` of the file.

    Told without memory for them: what a file says may be a thousand times what it holds.
    """
    if config.num_networks > len(weights):
        raise ValueError(f"{config.num_networks} networks, {len(weights)} tensors")
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in _networks(config).state_dict().items()}
    odd = sorted(name for name, tensor in weights.items() if wanted.get(name) != tensor.shape)
    odd += sorted(wanted.keys() - weights.keys())
    if odd:
        raise ValueError(f"{odd[0]} has the wrong shape")


def _networks(config: GeneratorConfig) -> nn.ModuleList:
    """The networks that a configuration names, with weights that are yet to be replaced."""
    with seeded_global_state(0):
        return nn.ModuleList(_network(config) for _ in range(config.num_networks))


def _network(config: GeneratorConfig) -> nn.Module:
    shape = ImageShape(size=config.trained_size, channels=config.channels)
    if config.flow is not None:
        return make_flow(config.flow, shape, num_classes=config.num_classes)
    if config.autoencoder is not None:
        return make_interpolation(
            config.autoencoder, shape, num_classes=config.num_classes, num_codes=config.num_codes
        )
    variant = VARIANTS[config.variant]
    made = variant.networks(shape, config.latent_size, config.num_classes)
    return made.generator.to(memory_format=variant.memory_format)
