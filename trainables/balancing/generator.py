"""Filling the minority classes with images of a generator that is trained for it: what all generators share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet, FillsClasses, deficits
from gan_study.trainables.balancing.drawing import FilterCounts, Reject, draw_passing
from gan_study.trainables.balancing.plans import PlanName, apply_plan
from gan_study.trainables.balancing.training_length import (
    at_fixed_length,
    comparison_steps,
    held_out_rows,
    hold_out,
    until_no_nearer,
)
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.byte_images import Images, gather, resized, take
from gan_study.trainables.data.images import ImageSize, TrainingSet
from gan_study.trainables.gans.batched import ALONE, TrialExecution, WantedBy
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import DivergedError, GeneratorTrainer
from gan_study.trainables.gans.length import TrainingLength
from gan_study.trainables.gans.sampling import MOST_CLASSES, Snapshots, evaluating, sample_batches, split_by_label
from gan_study.trainables.gans.training import (
    FIXED,
    RunningTraining,
    TrainedGenerator,
    TrainingEnd,
    WantedTraining,
    train_generator,
)
from gan_study.trainables.gans.variant import Pretrained, TrainingData

ALL_CLASSES = "all classes"


@settings
class GeneratorBalancing(FillsClasses, ABC):
    """Fills each minority class with images of a generator, up to `balance_to` and `dose`.

    A generator that knows classes is trained once on everything, any other once for each class that lacks images,
    on that class alone. If training may end automatically (`most_generator_steps`) and a class has enough images,
    a fifth of them is held out, and the class is filled by the generator nearest to these after the minimum
    length.
    """

    image_size: ImageSize | None = None
    """Image size in pixels at which the generator works, resized to the size of the data afterwards; null: the
    size of the data."""
    plan: PlanName = "none"
    """The balancer whose plan the classifier follows when it is fitted to the filled set, with its default
    settings: any that leaves the images unchanged. Class sizes n_c in its formulae are those of the filled set,
    with each image counted as its weight: a loss corrects for the prior that it is fitted to (Menon et al. 2021,
    section 4; Ren et al. 2020, theorem 1), and classes that generated images have balanced must not be balanced
    twice."""
    synthetic_weight: float = Field(default=1.0, gt=0, le=1)
    """The weight of a generated image in the classifier's loss, as a share of the average weight of the real
    images of its class, which is 1 unless a table weights them. The loss of a batch is the weighted mean. Shao et
    al. 2024 ("DiffuLT", arXiv 2403.05170) use 0.3."""
    filter: Literal["measure", "apply"] = "measure"
    """Whether a classifier of the training set checks generated images: recognised as another class, a near-copy
    of a training image, or an outlier. "measure": rejected images are counted when generated images are measured,
    and still used; "apply": they are replaced, if ten draws contain enough images that pass."""

    @property
    @abstractmethod
    def length(self) -> TrainingLength:
        """The settings of the training."""

    @abstractmethod
    def with_length(self, length: TrainingLength) -> Self:
        """The same with other settings of the training."""

    @property
    @abstractmethod
    def knows_classes(self) -> bool:
        """Whether one generator makes the images of all classes."""

    @abstractmethod
    def trainer(self, data: TrainingData, *, seed: int) -> GeneratorTrainer:
        """A generator before its first step on `data`."""

    def start(
        self,
        wanted: Sequence[WantedTraining],
        *,
        wanted_by: WantedBy,
        checkpoints: Checkpoints | None,
        execution: TrialExecution,
    ) -> list[RunningTraining]:
        """The trainings of `wanted`, each by itself unless a subclass trains several as one computation; iterate
        over them in turn.

        `wanted_by` returns what is wanted for another training set and seed.
        """
        return [
            RunningTraining(
                states=train_generator(
                    self.trainer(each.data, seed=each.seed), self.length, at=each.at, checkpoints=checkpoints
                )
            )
            for each in wanted
        ]

    def pretrained(
        self, training: TrainingSet, chosen: Tensor, *, seed: int, checkpoints: Checkpoints | None
    ) -> Pretrained | None:
        """What the generators begin with, learned from the `chosen` images, bool [N] on the CPU; None for drawn
        weights.
        """
        return None

    def balance(
        self,
        training: TrainingSet,
        *,
        seed: int,
        checkpoints: Checkpoints | None = None,
        execution: TrialExecution = ALONE,
        reject: Reject | None = None,
    ) -> Iterator[BalancedSet]:
        """The set filled by the generators of each milestone, and last by the final ones.

        Yields once, without new images, if no class lacks any. With `checkpoints` no step is trained twice.
        `reject` is the filter, needed only if it is applied. Raises DataError if a minority class has no image,
        and DivergedError if a loss is not finite.
        """
        assert reject is not None or self.filter != "apply", "the filter to apply is missing"
        missing = deficits(training, balance_to=self.balance_to)
        if not missing:
            yield apply_plan(self.plan, training, seed=derive_seed(seed, "plan"))
            return
        for gans in self.train(training, seed=seed, checkpoints=checkpoints, execution=execution):
            filled = self._fill(training, missing, gans, reject, seed=seed)
            planned = self.plan_fit(filled.training, seed=seed)
            yield replace(
                planned,
                gans=filled.gans,
                snapshots=gans.snapshots,
                filtered=filled.filtered,
                notes=(*gans.notes, *filled.notes, *planned.notes),
                is_final=gans.is_final,
            )

    def plan_fit(self, filled: TrainingSet, *, seed: int) -> BalancedSet:
        """`filled` prepared for a classifier: with weights of its synthetic images, and with the plan."""
        weights = torch.where(filled.synthetic, self.synthetic_weight * filled.weights, filled.weights)
        return apply_plan(self.plan, replace(filled, weights=weights), seed=derive_seed(seed, "plan"))

    def train(
        self,
        training: TrainingSet,
        *,
        seed: int,
        checkpoints: Checkpoints | None = None,
        execution: TrialExecution = ALONE,
    ) -> Iterator["TrainedGenerators"]:
        """The generators that fill the classes that lack images, at each milestone and when all trainings have
        ended.

        They keep changing when the next ones are requested. Raises DivergedError if a loss is not finite.
        """
        runs = self._runs(training, seed=seed, checkpoints=checkpoints)
        begun = self.start(
            [run.wanted for run in runs],
            wanted_by=lambda training, seed: [
                run.wanted for run in self._runs(training, seed=seed, checkpoints=checkpoints)
            ],
            # Generators that are trained for other trials too leave a state at each step that is looked at: too
            # many states where they are compared every few steps.
            execution=execution.within_trial() if any(len(run.held_out.images) for run in runs) else execution,
            checkpoints=checkpoints,
        )
        notes = tuple(dict.fromkeys(note for each in begun for note in each.notes))
        shown = [self._to_its_end(run, each.states, seed=seed) for run, each in zip(runs, begun, strict=True)]
        # Step by step, since generators that are trained as one computation change together; and so a version
        # holds the images of every class after as many steps. Some trainings end before others.
        states: dict[int, TrainedGenerator] = {}
        in_training = dict(enumerate(shown))
        for step in sorted(frozenset[int]().union(*(run.wanted.at for run in runs))):
            for place in [place for place in in_training if step in runs[place].wanted.at]:
                states[place] = next(in_training[place])
                if states[place].end is not None:
                    del in_training[place]
            if step in self.length.milestones or not in_training:
                yield self._describe(runs, [states[place] for place in range(len(runs))], notes)
            if not in_training:
                return

    def most_generator_steps(self, training: TrainingSet) -> int:
        """Maximum number of generator steps of a generator for `training`."""
        return max(max(each.at) for each in self.wanted(training))

    def wanted(self, training: TrainingSet) -> list[WantedTraining]:
        """The generators for `training`, before anything is trained; none if no class lacks images."""
        return [run.wanted for run in self._runs(training, seed=0, checkpoints=None, pretrains=False)]

    def _runs(
        self, training: TrainingSet, *, seed: int, checkpoints: Checkpoints | None, pretrains: bool = True
    ) -> list["_Run"]:
        """The generators to train: one for all classes, or one for each class that lacks images."""
        labels, names = tuple(deficits(training, balance_to=self.balance_to)), training.classes.names
        if self.knows_classes:
            examples = [(ALL_CLASSES, labels, training)]
        else:
            rows = {label: torch.nonzero(training.labels == label).squeeze(1) for label in labels}
            examples = [(names[label], (label,), training.take(rows[label])) for label in labels]
        own_seeds = {trained_on: derive_seed(seed, "gan", trained_on) for trained_on, *_ in examples}
        # Nor may a generator begin with weights that have seen what it is compared with.
        is_held_out = torch.zeros(len(training.labels), dtype=torch.bool)
        for trained_on, fills, _ in examples:
            is_held_out |= held_out_rows(training.labels, self._compared(fills), seed=own_seeds[trained_on])
        start = self.pretrained(training, ~is_held_out, seed=seed, checkpoints=checkpoints) if pretrains else None
        return [
            self._run(
                trained_on,
                fills,
                TrainingData(
                    images=resized(shown.images, self.image_size),
                    labels=shown.labels,
                    num_classes=len(names),
                    start=start,
                ),
                seed=own_seeds[trained_on],
            )
            for trained_on, fills, shown in examples
        ]

    def _compared(self, fills: tuple[int, ...]) -> tuple[int, ...]:
        """The labels of `fills` that a training is compared with on its way: all where it may end by itself."""
        return fills if self.length.most_generator_steps else ()

    def _run(self, trained_on: str, fills: tuple[int, ...], data: TrainingData, *, seed: int) -> "_Run":
        shown, held_out = hold_out(data, self._compared(fills), seed=seed)
        last = self.length.num_generator_steps(len(shown.images))
        if len(held_out.images):
            assert self.length.most_generator_steps is not None, "else nothing is held out"
            steps = comparison_steps(self.length.most_generator_steps)
        else:
            steps = frozenset({last})
        milestones = frozenset(step for step in self.length.milestones if step < max(steps))
        return _Run(
            trained_on=trained_on,
            fills=fills,
            held_out=held_out,
            last=last,
            wanted=WantedTraining(data=shown, seed=seed, at=steps | milestones),
        )

    def _to_its_end(
        self, run: "_Run", states: Iterator[TrainedGenerator], *, seed: int
    ) -> Iterator[TrainedGenerator]:
        """`states` at milestones, and last the one whose generator fills the class."""
        if not len(run.held_out.images):
            is_floor = self.length.most_generator_steps is not None
            return at_fixed_length(states, TrainingEnd(reason="floor") if is_floor else FIXED, last=run.last)
        assert self.length.most_generator_steps is not None, "else nothing is held out"
        return until_no_nearer(
            states,
            run.held_out,
            least=run.last,
            most=self.length.most_generator_steps,
            seed=seed,
        )

    def _describe(
        self, runs: Sequence["_Run"], states: Sequence[TrainedGenerator], notes: tuple[str, ...]
    ) -> "TrainedGenerators":
        found = list(zip(runs, states, strict=True))
        taken = "GAN of {}: of {} generator steps, the generator of step {} fills the class"
        notes += tuple(
            taken.format(run.trained_on, gan.generator_steps, gan.taken_from)
            for run, gan in found
            if gan.taken_from != gan.generator_steps
        )
        snapshots = (
            (label, images)
            for run, gan in found
            for label, images in split_by_label(gan.snapshots, run.wanted.data.labels).items()
            if label in run.fills
        )
        return TrainedGenerators(
            by_data={run.trained_on: gan for run, gan in found},
            by_label={label: gan for run, gan in found for label in run.fills},
            snapshots=dict(islice(snapshots, MOST_CLASSES)),
            notes=notes,
        )

    def _fill(
        self,
        training: TrainingSet,
        missing: Mapping[int, int],
        trained: "TrainedGenerators",
        reject: Reject | None,
        *,
        seed: int,
    ) -> BalancedSet:
        """`training` with the generators' images after it; `missing` as many as each class lacks."""
        wanted, device = self.additions(training), training.labels.device
        filled, filtered, notes, seconds = training, dict[int, FilterCounts](), list[str](), dict[int, float]()
        for label, number in missing.items():
            began_at = perf_counter()
            # All that the class lacks, whatever the dose: a smaller dose has the first images of a larger one.
            draw = partial(
                generate_images,
                trained.by_label[label],
                torch.full((number,), label, device=device),
                size=training.shape.size,
                real=training.images,
            )
            first_seed = samples_seed(seed, label)
            if self.filter == "apply" and reject is not None:
                drawn = draw_passing(draw, label, reject, wanted=wanted[label], seed=first_seed)
                images, filtered[label] = drawn.images, drawn.counts
                if len(images) < wanted[label]:
                    notes.append(
                        f"class {training.classes.names[label]!r}: {len(images)} of {wanted[label]} images; "
                        f"the filter rejected {drawn.counts.num_rejected} of {drawn.counts.num_made}"
                    )
            else:
                images = take(draw(seed=first_seed), slice(wanted[label]))
            seconds[label] = perf_counter() - began_at
            filled = filled.extended(images, torch.full((len(images),), label, device=device))
        return BalancedSet(
            training=filled, gans=trained.with_sampling(seconds), filtered=filtered, notes=tuple(notes)
        )


def samples_seed(seed: int, label: int) -> int:
    """The seed of the images that fill class `label`, for a balancer's `seed`."""
    return derive_seed(seed, "samples", label)


def generate_images(trained: TrainedGenerator, labels: Tensor, *, size: int, seed: int, real: Images) -> Images:
    """An image for each of `labels` [N], as [N, C, size, size] in [-1, 1], to be joined with the `real` ones.

    Raises DivergedError if pixels are no numbers, since weights grew too large in the last step.
    """

    def made() -> Iterator[Tensor]:
        for images in sample_batches(trained.generator, labels, trained.latent_size, seed=seed):
            if not torch.isfinite(images).all():
                raise DivergedError("the generator's images have pixels that are NaN or infinite")
            yield images

    with evaluating(trained.generator):
        return gather(made(), len(labels), real=real, size=size)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedGenerators:
    """Generators during training, or at its end."""

    by_data: Mapping[str, TrainedGenerator]
    """By what each was trained on: a class's name, or "all classes"."""
    by_label: Mapping[int, TrainedGenerator]
    """By each label that they fill; several labels may share one."""
    snapshots: Mapping[int, Snapshots]
    """A few images by generator step, of the first few labels that it fills."""
    notes: tuple[str, ...]

    def with_sampling(self, seconds: Mapping[int, float]) -> dict[str, TrainedGenerator]:
        """`by_data`, each with the `seconds` of sampling for the labels that it fills."""
        return {
            name: replace(
                trained,
                sampling_seconds=sum(
                    seconds[label] for label, by in self.by_label.items() if by is trained and label in seconds
                ),
            )
            for name, trained in self.by_data.items()
        }

    @property
    def is_final(self) -> bool:
        """Whether all trainings have ended."""
        return all(gan.end is not None for gan in self.by_data.values())

    @property
    def generator_steps(self) -> int:
        """Generator steps of the one that took most."""
        return max(gan.generator_steps for gan in self.by_data.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """One generator to train."""

    trained_on: str
    """The name of its class, or ALL_CLASSES."""
    fills: tuple[int, ...]
    """The labels that it fills."""
    held_out: TrainingData
    """Images to compare with; none if its length is fixed."""
    last: int
    """The minimum number of generator steps."""
    wanted: WantedTraining
    """Its source."""
