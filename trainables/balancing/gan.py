"""Images of the minority classes made by a GAN."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.balancing.balancer import BalancedSet, deficits
from gan_study.trainables.balancing.epoch_choice import best_so_far
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import nearest, settings
from gan_study.trainables.data.images import ImageSize, TrainingSet
from gan_study.trainables.gans.batched import ALONE, TrialExecution, WantedGan, train_all
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.sampling import MOST_CLASSES, Snapshots, sample, split_by_label
from gan_study.trainables.gans.training import TrainedEpoch
from gan_study.trainables.gans.variant import GanSettings, TrainingData

ALL_CLASSES = "all classes"


@settings
class GanBalancing:
    """Fills each minority class with images of the GAN variant `name` up to `balance_to` times the largest class.

    An unconditional variant is trained once for each class that lacks images, on that class alone; a conditional
    one is trained once on everything. With `image_size` the GAN works on images of that many pixels a side, and
    what it makes is brought to the size of the data. With `pick_epoch_every` its images are compared with the
    training images by their kernel distance after each so many epochs, and the nearest generator fills the class.
    """

    name: str
    balance_to: float = Field(default=1.0, gt=0)
    image_size: ImageSize | None = None
    pick_epoch_every: int | None = Field(default=None, ge=1)
    gan: GanSettings

    @model_validator(mode="after")
    def _fits_the_variant(self) -> Self:
        if self.name not in VARIANTS:
            raise ValueError(f"GAN variant {self.name!r} is unknown; {nearest(self.name, VARIANTS)}")
        needed = VARIANTS[self.name].term_names
        if set(self.gan.weights) != set(needed):
            raise ValueError(f"{self.name} needs the weights {list(needed)}, not {list(self.gan.weights)}")
        return self

    def balance(
        self,
        training: TrainingSet,
        *,
        seed: int,
        checkpoints: Checkpoints | None = None,
        execution: TrialExecution = ALONE,
    ) -> Iterator[BalancedSet]:
        """The set as filled by the generators of each milestone, and last of all by those of the last epoch.

        Once, and `training` itself, where no class lacks images. With `checkpoints` nothing is trained twice.
        Raises DataError where a minority class has no image, and DivergedError where a loss is no longer finite.
        """
        missing = deficits(training, balance_to=self.balance_to)
        if not missing:
            yield BalancedSet(training=training)
            return
        for gans in self.train(training, seed=seed, checkpoints=checkpoints, execution=execution):
            yield BalancedSet(
                training=self._fill(training, missing, gans.generators, seed=seed),
                gans=gans.by_data,
                snapshots=gans.snapshots,
                notes=gans.notes,
                is_final=gans.epoch == self.gan.epochs,
            )

    def train(
        self,
        training: TrainingSet,
        *,
        seed: int,
        checkpoints: Checkpoints | None = None,
        execution: TrialExecution = ALONE,
    ) -> Iterator["TrainedGans"]:
        """The GANs that fill the classes that lack images, at each milestone and after the last epoch.

        Generators keep changing once the next are asked for. Raises DivergedError where a loss is no longer
        finite.
        """
        runs = self._runs(training, seed=seed)
        every = self.pick_epoch_every or self.gan.epochs
        gans = train_all(
            VARIANTS[self.name],
            self.gan,
            [run.gan for run in runs],
            wanted_by=lambda training, seed: self.wanted_gans(training, seed=seed),
            # GANs that are trained for other trials too leave a state at each epoch that is shown: too many states
            # where every few epochs are compared.
            execution=execution.within_trial() if self.pick_epoch_every else execution,
            at={*self.gan.milestones, *range(every, self.gan.epochs, every), self.gan.epochs},
            checkpoints=checkpoints,
        )
        notes = tuple(dict.fromkeys(note for gan in gans for note in gan.notes))
        shown = [gan.epochs for gan in gans]
        if self.pick_epoch_every:
            latent_size = self.gan.latent_size
            shown = [
                best_so_far(epochs, run.gan.data, run.fills, latent_size=latent_size, seed=seed)
                for run, epochs in zip(runs, shown, strict=True)
            ]
        # In lockstep, so that a version holds the images of every class at the same epoch.
        for states in zip(*shown, strict=True):
            if states[0].epoch in (*self.gan.milestones, self.gan.epochs):
                yield self._describe(runs, states, notes)

    def wanted_gans(self, training: TrainingSet, *, seed: int) -> list[WantedGan]:
        """The GANs that it trains, each with its data; none where no class lacks images."""
        return [run.gan for run in self._runs(training, seed=seed)]

    def _runs(self, training: TrainingSet, *, seed: int) -> list["_Run"]:
        """The GANs to train: one for all classes, or one for each class that lacks images."""
        labels, names = tuple(deficits(training, balance_to=self.balance_to)), training.classes.names
        if VARIANTS[self.name].conditional:
            examples = [(ALL_CLASSES, labels, training)]
        else:
            rows = {label: torch.nonzero(training.labels == label).squeeze(1) for label in labels}
            examples = [(names[label], (label,), training.take(rows[label])) for label in labels]
        return [
            _Run(
                trained_on=trained_on,
                fills=fills,
                gan=WantedGan(
                    data=TrainingData(
                        images=resize(shown.images, self.image_size), labels=shown.labels, num_classes=len(names)
                    ),
                    seed=derive_seed(seed, "gan", trained_on),
                ),
            )
            for trained_on, fills, shown in examples
        ]

    def _describe(
        self, runs: Sequence["_Run"], states: Sequence[TrainedEpoch], notes: tuple[str, ...]
    ) -> "TrainedGans":
        found = list(zip(runs, states, strict=True))
        if self.pick_epoch_every:
            picked = "GAN of {}: the generator of epoch {} of {} was picked"
            notes += tuple(picked.format(run.trained_on, gan.taken_from, gan.epoch) for run, gan in found)
        snapshots = (
            (label, images)
            for run, gan in found
            for label, images in split_by_label(gan.snapshots, run.gan.data.labels).items()
            if label in run.fills
        )
        return TrainedGans(
            epoch=states[0].epoch,
            by_data={run.trained_on: gan for run, gan in found},
            generators={label: gan.generator for run, gan in found for label in run.fills},
            snapshots=dict(islice(snapshots, MOST_CLASSES)),
            notes=notes,
        )

    def _fill(
        self, training: TrainingSet, missing: Mapping[int, int], generators: Mapping[int, nn.Module], *, seed: int
    ) -> TrainingSet:
        for label, number in missing.items():
            labels = torch.full((number,), label, device=training.labels.device)
            images = generate_images(
                generators[label],
                labels,
                latent_size=self.gan.latent_size,
                size=training.shape.size,
                seed=samples_seed(seed, label),
            )
            training = training.extended(images, labels)
        return training


def samples_seed(seed: int, label: int) -> int:
    """The seed of the images that fill class `label` where a balancer has `seed`."""
    return derive_seed(seed, "samples", label)


def generate_images(generator: nn.Module, labels: Tensor, *, latent_size: int, size: int, seed: int) -> Tensor:
    """An image for each of `labels` [N], as [N, C, size, size] in [-1, 1]."""
    return resize(sample(generator, labels, latent_size, seed=seed), size)


def resize(images: Tensor, size: int | None) -> Tensor:
    """`images` [N, C, H, W] at `size` pixels a side, smoothed where they shrink; None leaves them as they are."""
    if size is None or size == images.shape[-1]:
        return images
    return functional.interpolate(images, size=size, mode="bilinear", antialias=True).clamp(-1, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedGans:
    """GANs after an epoch."""

    epoch: int
    by_data: Mapping[str, TrainedEpoch]
    """By what each was trained on: a class's name, or "all classes"."""
    generators: Mapping[int, nn.Module]
    """The generator of each label that they fill, which several labels may share."""
    snapshots: Mapping[int, Snapshots]
    """A few images by epoch, of the first few labels that they fill."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """One GAN to train: the name of what it is trained on, the labels that it fills, and what it is made from."""

    trained_on: str
    fills: tuple[int, ...]
    gan: WantedGan
