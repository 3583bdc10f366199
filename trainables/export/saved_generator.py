"""A trained generator as files: weights, what it takes to use them, and a card to read first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from gan_study.trainables.balancing.gan import GanBalancing, TrainedGans, generate_images, samples_seed
from gan_study.trainables.base.seeding import seeded_global_state
from gan_study.trainables.base.settings import ConfigError, DataError, UserError, look_up, nearest, settings
from gan_study.trainables.data.images import Classes, ImageShape, to_bytes
from gan_study.trainables.export.layout import folder_name, read_settings, write_png, write_settings
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.ema import network_of
from gan_study.trainables.runtime.folders import refuse_links
from gan_study.trainables.runtime.storage import write_atomically

CONFIG, WEIGHTS, CARD = "generator.json", "generator.safetensors", "README.md"


@settings
class FilledClass:
    """How images of a class are made: by which of the networks, and under which label."""

    network: int = Field(ge=0)
    label: int = Field(ge=0)


@settings
class GeneratorConfig:
    """All that is needed to sample from the weights.

    The networks are those of the GAN `variant` for images of `trained_size` pixels a side; what they make is
    brought to `image_size`. `classes` maps the name of each class that they were trained to fill.
    """

    format_version: Literal[1] = 1
    variant: str
    latent_size: int = Field(ge=1)
    channels: Literal[1, 3]
    trained_size: int = Field(ge=1)
    image_size: int = Field(ge=1)
    num_classes: int = Field(ge=1)
    classes: Mapping[str, FilledClass] = Field(min_length=1)

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
        """The classes that images can be made of."""
        return tuple(self.config.classes)

    def sample(self, class_name: str, number: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
        """`number` images of a class as bytes [number, C, H, H]; equal seeds give equal images.

        Raises ConfigError for a class that it was not trained to fill.
        """
        if class_name not in self.config.classes:
            hint = nearest(class_name, self.class_names)
            raise ConfigError(f"this generator makes no class {class_name!r}; {hint}")
        filled = self.config.classes[class_name]
        images = generate_images(
            self.networks[filled.network],
            torch.full((number,), filled.label),
            latent_size=self.config.latent_size,
            size=self.config.image_size,
            seed=samples_seed(seed, filled.label),
        )
        return to_bytes(images)


def collect_generators(
    gans: TrainedGans, balancer: GanBalancing, shape: ImageShape, classes: Classes
) -> SavedGenerator:
    """The generators of trained GANs, which fill classes of images of `shape`."""
    networks = list(dict.fromkeys(map(network_of, gans.generators.values())))
    config = GeneratorConfig(
        variant=balancer.name,
        latent_size=balancer.gan.latent_size,
        channels=1 if shape.channels == 1 else 3,
        trained_size=balancer.image_size or shape.size,
        image_size=shape.size,
        num_classes=len(classes.names),
        classes={
            classes.names[label]: FilledClass(network=networks.index(network_of(generator)), label=label)
            for label, generator in gans.generators.items()
        },
    )
    return SavedGenerator(config=config, networks=nn.ModuleList(networks))


def write_generator(folder: Path, generator: SavedGenerator, *, card: str) -> None:
    """Three files in `folder`: the weights as safetensors, the configuration as JSON, and the `card`."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in generator.networks.state_dict().items()}
    write_atomically(folder / WEIGHTS, save(weights))
    write_settings(folder / CONFIG, generator.config)
    write_atomically(folder / CARD, card.encode())


def write_samples(generator: SavedGenerator, class_name: str, number: int, out: Path, *, seed: int) -> Path:
    """The new folder below `out` with images of a class as PNG files. Raises UserError if it is not empty."""
    images = generator.sample(class_name, number, seed=seed)
    folder = out / folder_name(class_name)
    refuse_links(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another --out")
    for i, pixels in enumerate(images):
        write_png(folder / f"synthetic-{i:06d}.png", pixels)
    return folder


def load_generator(folder: Path | str) -> SavedGenerator:
    """The generator in `folder`, on the CPU; nothing in the files is run.

    Raises DataError if files are missing or do not belong together, and ConfigError if the configuration is
    invalid.
    """
    folder = Path(folder)
    config = read_settings(GeneratorConfig, folder / CONFIG, what="generator")
    look_up(VARIANTS, config.variant, where=f"{folder / CONFIG}: variant")
    networks = _networks(config)
    try:
        networks.load_state_dict(load((folder / WEIGHTS).read_bytes()))
    except FileNotFoundError:
        raise DataError(f"{folder}: {WEIGHTS} is missing") from None
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{folder / WEIGHTS} does not hold the weights of {CONFIG}: {reason}") from None
    return SavedGenerator(config=config, networks=networks.eval())


def _networks(config: GeneratorConfig) -> nn.ModuleList:
    """The networks that a configuration names, with weights that are yet to be replaced."""
    variant = VARIANTS[config.variant]
    shape = ImageShape(size=config.trained_size, channels=config.channels)
    with seeded_global_state(0):
        made = [
            variant.networks(shape, config.latent_size, config.num_classes) for _ in range(config.num_networks)
        ]
    return nn.ModuleList(each.generator.to(memory_format=variant.memory_format) for each in made)
