"""Images of the minority classes made by a GAN."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.balancing.balancer import BalancedSet, EpochLosses, deficits
from gan_study.trainables.balancing.epoch_choice import best_so_far
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import nearest, settings
from gan_study.trainables.data.image_size import ImageSize
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.batched.together import BY_DEVICE, GanExecution, WantedGan, gans_in_training
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.snapshots import MOST_CLASSES, Growth, by_label
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
        execution: GanExecution = BY_DEVICE,
        family: Sequence[tuple[TrainingSet, int]] = (),
    ) -> Iterator[BalancedSet]:
        """The set as filled by the generators of each milestone, and last of all by those of the last epoch.

        Once, and `training` itself, where no class lacks images. With `checkpoints` nothing is trained twice. For
        `execution` and `family` see `trained`. Raises DataError where a minority class has no image, and
        DivergedError where a loss is no longer finite.
        """
        missing = deficits(training, balance_to=self.balance_to)
        if not missing:
            yield BalancedSet(training=training)
            return
        for gans in self.trained(
            training, tuple(missing), seed=seed, checkpoints=checkpoints, execution=execution, family=family
        ):
            yield BalancedSet(
                training=self._filled(training, missing, gans.generators, seed=seed),
                epoch=gans.epoch,
                losses=gans.losses,
                gan_seconds=gans.seconds,
                growth=gans.growth,
                notes=gans.notes,
                is_final=gans.epoch == self.gan.epochs,
            )

    def trained(
        self,
        training: TrainingSet,
        lacking: tuple[int, ...],
        *,
        seed: int,
        checkpoints: Checkpoints | None = None,
        execution: GanExecution = BY_DEVICE,
        family: Sequence[tuple[TrainingSet, int]] = (),
    ) -> Iterator["TrainedGans"]:
        """The GANs that fill the classes `lacking` images, at each milestone and after the last epoch.

        They are trained as `execution` says. `family` holds training sets and seeds whose GANs may be trained side
        by side with these, these among them, in an order that is the same for all of them. Generators go on
        changing once the next are asked for. Raises DivergedError where a loss is no longer finite.
        """
        own = self._runs(training, lacking, seed=seed)
        # What is left for others is a state at each epoch that is shown: too much where every few are judged.
        sharing = () if self.pick_epoch_every else family
        relatives = [
            run.gan
            for each, of_each in sharing
            for run in self._runs(each, tuple(deficits(each, balance_to=self.balance_to)), seed=of_each)
        ]
        in_training = gans_in_training(
            VARIANTS[self.name],
            self.gan,
            [run.gan for run in own],
            family=relatives or [run.gan for run in own],
            execution=execution,
            at=self._shown_epochs(),
            checkpoints=checkpoints,
        )
        notes = tuple(dict.fromkeys(note for gan in in_training for note in gan.notes))
        shown = [self._shown(run, gan.epochs, seed=seed) for run, gan in zip(own, in_training, strict=True)]
        # In lockstep, so that a version holds the images of every class at the same epoch.
        for states in zip(*shown, strict=True):
            epoch = states[0].epoch
            if epoch in (*self.gan.milestones, self.gan.epochs):
                of_runs = tuple(zip(own, states, strict=True))
                picks = [_pick_note(run, state) for run, state in of_runs] if self.pick_epoch_every else []
                yield TrainedGans(
                    epoch=epoch,
                    generators={label: state.generator for run, state in of_runs for label in run.fills},
                    losses={run.trained_on: _losses(state) for run, state in of_runs},
                    seconds={run.trained_on: state.seconds for run, state in of_runs},
                    growth=_growth(own, states),
                    notes=(*notes, *picks),
                )

    def _runs(self, training: TrainingSet, lacking: tuple[int, ...], *, seed: int) -> list["_Run"]:
        """The GANs to train: one for all classes, or one for each class that lacks images."""
        names = training.classes.names
        if VARIANTS[self.name].conditional:
            return [self._run(training, trained_on=ALL_CLASSES, fills=lacking, seed=seed)]
        return [
            self._run(
                training.take(torch.nonzero(training.labels == label).squeeze(1)),
                trained_on=names[label],
                fills=(label,),
                seed=seed,
            )
            for label in lacking
        ]

    def _run(self, examples: TrainingSet, *, trained_on: str, fills: tuple[int, ...], seed: int) -> "_Run":
        data = TrainingData(
            images=resized(examples.images, self.image_size),
            labels=examples.labels,
            num_classes=len(examples.classes.names),
        )
        gan = WantedGan(data=data, seed=derive_seed(seed, "gan", trained_on))
        return _Run(trained_on=trained_on, fills=fills, gan=gan)

    def _shown(self, run: "_Run", epochs: Iterator[TrainedEpoch], *, seed: int) -> Iterator[TrainedEpoch]:
        """`epochs`, or the best so far at each, where that is asked for."""
        if self.pick_epoch_every is None:
            return epochs
        return best_so_far(epochs, run.gan.data, run.fills, latent_size=self.gan.latent_size, seed=seed)

    def _shown_epochs(self) -> set[int]:
        every = self.pick_epoch_every
        picked_from = range(every, self.gan.epochs, every) if every else ()
        return {*self.gan.milestones, *picked_from, self.gan.epochs}

    def _filled(
        self, training: TrainingSet, missing: Mapping[int, int], generators: Mapping[int, nn.Module], *, seed: int
    ) -> TrainingSet:
        filled = training
        for label, number in missing.items():
            labels = torch.full((number,), label, device=training.labels.device)
            images = generated(
                generators[label],
                labels,
                latent_size=self.gan.latent_size,
                size=training.shape.size,
                seed=samples_seed(seed, label),
            )
            filled = filled.extended(images, labels)
        return filled


def samples_seed(seed: int, label: int) -> int:
    """The seed of the images that fill class `label` where a balancer has `seed`."""
    return derive_seed(seed, "samples", label)


def generated(generator: nn.Module, labels: Tensor, *, latent_size: int, size: int, seed: int) -> Tensor:
    """An image for each of `labels` [N], as [N, C, size, size] in [-1, 1]."""
    return resized(sample(generator, labels, latent_size, seed=seed), size)


def resized(images: Tensor, size: int | None) -> Tensor:
    """`images` [N, C, H, W] at `size` pixels a side, smoothed where they shrink; None leaves them as they are."""
    if size is None or size == images.shape[-1]:
        return images
    return functional.interpolate(images, size=size, mode="bilinear", antialias=True).clamp(-1, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedGans:
    """GANs after an epoch: the generator of each label that they fill, which several labels may share.

    `losses`, `growth` and `notes` are those of BalancedSet, `seconds` is its `gan_seconds`.
    """

    epoch: int
    generators: Mapping[int, nn.Module]
    losses: Mapping[str, tuple[EpochLosses, ...]]
    seconds: Mapping[str, float]
    growth: Mapping[int, Growth]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """One GAN to train: the name of what it is trained on, the labels that it fills, and what it is made from."""

    trained_on: str
    fills: tuple[int, ...]
    gan: WantedGan


def _pick_note(run: _Run, state: TrainedEpoch) -> str:
    return f"GAN of {run.trained_on}: the generator of epoch {state.taken_from} of {state.epoch} was picked"


def _growth(runs: Sequence[_Run], states: Sequence[TrainedEpoch]) -> dict[int, Growth]:
    """The growth of the first few labels that are filled."""
    found = (
        (label, growth)
        for run, state in zip(runs, states, strict=True)
        for label, growth in by_label(state.growth, run.gan.data.labels).items()
        if label in run.fills
    )
    return dict(islice(found, MOST_CLASSES))


def _losses(state: TrainedEpoch) -> tuple[EpochLosses, ...]:
    return tuple(
        EpochLosses(epoch=epoch, generator=losses.generator, discriminator=losses.discriminator)
        for epoch, losses in enumerate(state.losses, start=1)
    )
