"""How DeepSMOTE's autoencoder is trained: its settings, its steps, and its states."""

from collections.abc import Iterable, Iterator, Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_study.trainables.balancing.autoencoder.code_interpolation import (
    LATENT_SIZE,
    CodeInterpolation,
    Penalty,
    autoencoder_loss,
    make_encoder,
)
from gan_study.trainables.base.seeding import (
    derive_seed,
    index_batches,
    numpy_generator,
    seeded_global_state,
    torch_generator,
)
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.byte_images import take
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.autoencoder_training import encode
from gan_study.trainables.gans.generator_trainer import GeneratorTrainer
from gan_study.trainables.gans.length import MOST_AT_ONCE, MOST_STEPS, TrainingLength
from gan_study.trainables.gans.trainer import descend
from gan_study.trainables.gans.variant import TrainingData

# Codes of a class that new images are made between. A larger class is represented by so many of its images: it
# lacks few images, and the distances of all pairs take 4 MB for a thousand.
MOST_CODES = 1000


@settings
class AutoencoderSettings(TrainingLength):
    """How DeepSMOTE's autoencoder is trained."""

    generator_steps: int | None = Field(default=2000, ge=1, le=MOST_STEPS)
    """Length of the training, in steps; the minimum length if `most_generator_steps` is set."""
    batch_size: int = Field(default=64, ge=2, le=MOST_AT_ONCE)
    """Images in each step, drawn from all, and as many of one class, which the penalty needs."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The learning rate of Adam."""
    code_size: int = Field(default=64, ge=1, le=MOST_AT_ONCE)
    """Numbers in the code of an image; the authors have 300 for grey images and 600 for colour."""
    k_neighbors: int = Field(default=5, ge=1, le=MOST_CODES)
    """How many nearest codes of its class an image may be mixed with."""
    penalty: Penalty = "same"
    """What is also learned from a batch of one uniformly drawn class. "same": each image from its own code, as in
    the authors' code; "pairs": each image from the code of another, as in the paper, which makes all images of a
    class alike (docs/benchmarks.md)."""


class AutoencoderTrainer(GeneratorTrainer):
    """One autoencoder in training."""

    network: CodeInterpolation

    def __init__(self, settings: AutoencoderSettings, data: TrainingData, *, seed: int) -> None:
        super().__init__("deep_smote", data, latent_size=LATENT_SIZE, seed=seed)
        self.settings, self.average = settings, None
        self.rows = rows_by_label(data.labels)
        with seeded_global_state(derive_seed(seed, "initialisation")):
            encoder = make_encoder(data.shape, code_size=settings.code_size).to(memory_format=torch.channels_last)
            network = make_interpolation(
                settings,
                data.shape,
                num_classes=data.num_classes,
                num_codes=min(MOST_CODES, max(map(len, self.rows.values()))),
            )
        self.encoder = encoder.to(device=self.device, dtype=data.images.dtype)
        self.network = network.to(device=self.device, dtype=data.images.dtype)
        self.optimiser = torch.optim.Adam(
            [*self.encoder.parameters(), *self.network.parameters()],
            lr=settings.learning_rate,
            fused=True,
            capturable=self.device.type == "cuda",
        )
        of_all = index_batches(
            len(data.images), settings.batch_size, torch_generator(seed, "batches", device=self.device)
        )
        of_a_class = one_class_batches(self.rows, settings.batch_size, seed=seed)
        self.batches = (torch.cat(both) for both in zip(of_all, of_a_class, strict=True))

    def warm_start(self) -> None:
        """Nothing comes before the first step."""

    def take_steps(self, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """No losses of a discriminator, and the loss of each step on `batches` of row indices."""
        return torch.empty(0), torch.stack([self.take_step(batch) for batch in batches])

    def take_step(self, batch: Tensor) -> Tensor:
        """The loss [] of the rows `batch`, before the step: rows of all classes, and as many of one class."""
        images, of_a_class = self.real_images(batch)[0].chunk(2)
        loss = autoencoder_loss(
            self.encoder, self.network.decoder, images, of_a_class, penalty=self.settings.penalty
        )
        descend(self.optimiser, loss)
        return loss.detach()

    @property
    def sampled_generator(self) -> CodeInterpolation:
        """The decoder, between the codes that the encoder now has for the training images."""
        self.network.remember({label: self._codes_of(rows) for label, rows in self.rows.items()})
        return self.network

    def _codes_of(self, rows: Tensor) -> Tensor:
        evenly = torch.linspace(0, len(rows) - 1, min(MOST_CODES, len(rows)), device=rows.device).long()
        return encode(self.encoder, take(self.data.images, rows[evenly]))

    def parts(self) -> Mapping[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimiser, whose states are saved, by name; the codes can be computed from these."""
        return {"encoder": self.encoder, "decoder": self.network.decoder, "optimiser": self.optimiser}


def make_interpolation(
    settings: AutoencoderSettings, shape: ImageShape, *, num_classes: int, num_codes: int
) -> CodeInterpolation:
    """An untrained decoder with weights from the global random state, its maps channels last, and no codes yet."""
    network = CodeInterpolation(
        shape,
        num_classes=num_classes,
        num_codes=num_codes,
        code_size=settings.code_size,
        k_neighbors=settings.k_neighbors,
    )
    return network.to(memory_format=torch.channels_last)


def rows_by_label(labels: Tensor) -> dict[int, Tensor]:
    """The rows of each label in `labels` [N]."""
    present = torch.nonzero(labels.bincount()).flatten().tolist()
    return {label: torch.nonzero(labels == label).flatten() for label in present}


def one_class_batches(rows: Mapping[int, Tensor], batch_size: int, *, seed: int) -> Iterator[Tensor]:
    """Infinite batches [batch_size] of the `rows` of one label, which is drawn uniformly for each batch.

    In successive random orders of all its rows, over again if there are few.
    """
    choices = numpy_generator(seed, "class of a batch")
    batches = [
        (own, index_batches(len(own), batch_size, torch_generator(seed, "batches of a class", label)))
        for label, own in rows.items()
    ]
    while True:
        own, places = batches[choices.integers(len(batches))]
        yield own[next(places).to(own.device)]
