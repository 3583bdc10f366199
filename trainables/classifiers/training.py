"""Fitting a classifier."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.precision import products_in_bf16
from gan_study.trainables.base.seeding import derive_seed, index_batches, seeded_global_state, torch_generator
from gan_study.trainables.classifiers.augmentation import Augmentation, augment
from gan_study.trainables.classifiers.backbone import FrozenBody
from gan_study.trainables.classifiers.catalog import classifier_model
from gan_study.trainables.classifiers.classifier import (
    ClassifierConfig,
    ClassifierModel,
    CosineHead,
    FittedClassifier,
    Head,
    HeadFit,
    best_epoch,
)
from gan_study.trainables.classifiers.loss_plans import (
    PLAIN,
    BatchMix,
    FittingPlan,
    FittingStep,
    weighted_mean,
)
from gan_study.trainables.data.byte_images import Images
from gan_study.trainables.data.images import TrainingSet

_log = logging.getLogger(__name__)

# Validation losses recorded of a training that does not watch them. One after each epoch takes 6 to 7 % of the
# time of a fit (digits of 16 pixels on a CPU), one after every second epoch half of that.
MOST_VALIDATION_LOSSES = 20

# Called with an epoch (1-based) and the classifier as it is then.
AfterEpoch: TypeAlias = Callable[[int, FittedClassifier], None]


# From the rows of a batch and the progress in [0, 1) to its loss.
_BatchLoss: TypeAlias = Callable[[Tensor, float], Tensor]


class DivergedClassifierError(RuntimeError):
    """The classifier's loss is not a finite number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Validation:
    """What a training may use for validation, on its device: images [N, C, H, W] in [-1, 1], labels [N] and
    weights [N].
    """

    images: Images
    labels: Tensor
    weights: Tensor

    @torch.no_grad()
    def loss(self, classifier: FittedClassifier) -> Tensor:
        """Weighted mean cross-entropy of the predictions of `classifier`, on the device."""
        losses = functional.cross_entropy(classifier.logits(self.images), self.labels, reduction="none")
        return weighted_mean(losses, self.weights)


def proportional_weights(labels: Tensor, proportions: Sequence[float]) -> Tensor:
    """Weights [N] that give the classes of `labels` [N] the `proportions` [K].

    The validation set is as imbalanced as the training set. Unweighted, its loss would stop a training before
    the classifier has learned the rare classes.
    """
    counts = labels.bincount(minlength=len(proportions))
    return (torch.tensor(proportions, device=labels.device) / counts)[labels]


def num_steps(config: ClassifierConfig, *, balanced_size: int, unbalanced_size: int) -> int:
    """The number of optimiser steps in `config`; see ClassifierConfig.budget."""
    size = unbalanced_size if config.budget == "steps" else balanced_size
    return config.epochs * math.ceil(size / config.batch_size)


def fit(
    config: ClassifierConfig,
    training: TrainingSet,
    *,
    steps: int,
    seed: int,
    plan: FittingPlan = PLAIN,
    validation: Validation | None = None,
    model: ClassifierModel | None = None,
    after_epoch: AfterEpoch | None = None,
) -> FittedClassifier:
    """The model of `config` (or another `model`) after `steps` optimiser steps on `training`, following `plan`.

    `validation` is needed only if `config` uses it; otherwise it changes nothing, and only some of its losses are
    recorded. `after_epoch` is called with the classifier after each epoch, and must not change anything. If the
    head is fitted again at the end, it is never called, since there is no complete classifier before that, and the
    losses are those of the head before. Runs on the images' device. Neither reads nor changes the global random
    state: initial weights, mixing and dropout use a seeded one. Raises DivergedClassifierError if a loss is not
    finite.
    """
    assert validation is not None or not config.watches_validation, "nothing to watch"
    chosen = model or classifier_model(config)
    device, stage = training.images.device, plan.head_stage
    refits_head = bool(stage or chosen.final_head)
    # A second stage takes at least one step, and leaves one; a model's own final head takes none.
    head_steps = max(1, min(round(stage.steps_share * steps), steps - 1)) if stage and not chosen.final_head else 0
    stages = _Stages(config, training, plan, seed)
    with seeded_global_state(derive_seed(seed, "global state"), device):
        stages, body, num_features = stages.begin(chosen)
        fitted = stages.train_network(
            nn.Sequential(body, stages.new_head(num_features)),
            steps=steps - head_steps,
            validation=validation,
            after_epoch=None if refits_head else after_epoch,
        )
        if refits_head:
            refuse_beyond_memory(
                4.0 * num_features * len(training),
                f"classifier {chosen.name!r}: {num_features:,} features of each of {len(training):,} images, to "
                "which a new head is fitted,",
            )
            head = stages.refit_head(fitted.features(training.images), chosen.final_head, steps=head_steps)
            fitted = replace(fitted, head=plan.adjusting(head))
    return fitted


class ClassifierSteps:
    """The untrained network of `config`, and its optimiser steps on `training`, one by one.

    They are the steps of `fit` without validation, at the first learning rate; each has a global random state of
    its own, so that two trainings can take turns.
    """

    def __init__(self, config: ClassifierConfig, training: TrainingSet, *, seed: int) -> None:
        self._seed, self._rate, self._device = seed, config.learning_rate, training.images.device
        with seeded_global_state(derive_seed(seed, "global state"), self._device):
            stages, body, num_features = _Stages(config, training, PLAIN, seed).begin(classifier_model(config))
            self.network = nn.Sequential(body, stages.new_head(num_features))
        self._descent = stages.network_descent(self.network)

    def take(self) -> Tensor:
        """Take a step; returns its loss []."""
        number = self._descent.taken + 1
        with seeded_global_state(derive_seed(self._seed, "global state", number), self._device):
            return self._descent.run(until=number, of=number, rate=self._rate)


def _is_recorded(epoch: int, epochs: int) -> bool:
    """Whether the validation loss is recorded after an epoch (1-based) of a training that does not watch it."""
    return epoch == epochs or epoch % max(2, math.ceil(epochs / MOST_VALIDATION_LOSSES)) == 0


@dataclass(frozen=True, eq=False)
class _Stages:
    """The two stages of fitting a classifier: the whole network, and perhaps a new head on its features."""

    config: ClassifierConfig
    training: TrainingSet
    plan: FittingPlan
    seed: int
    features: Tensor | None = None
    """Features of the training set from a frozen body."""

    def begin(self, model: ClassifierModel) -> tuple["_Stages", nn.Module, int]:
        """These stages, with the features of a frozen body; the untrained body; its number of features."""
        stages, images = self, self.training.images
        body, num_features = model.body(self.training.shape)
        if isinstance(body, FrozenBody):
            body, features = body.standardised(images)
            stages = replace(self, features=features)
        # A third faster on a CPU, and the format that a GPU's matrix units want.
        body = body.to(images.device).to(memory_format=torch.channels_last)
        return stages, body, num_features

    def network_descent(self, network: nn.Sequential) -> "_Descent":
        """The optimiser steps of `network`, a body and a head."""
        body, head = network
        return self._descent(self._batch_loss(body, head), network, "batches", labels=self.training.labels)

    def new_head(self, num_features: int) -> nn.Module:
        """An untrained head, as the plan describes it."""
        num_classes, scale = len(self.training.classes.names), self.plan.cosine_scale
        head = CosineHead(num_features, num_classes, scale) if scale else nn.Linear(num_features, num_classes)
        return head.to(self.training.images.device)

    def train_network(
        self,
        network: nn.Sequential,
        *,
        steps: int,
        validation: Validation | None,
        after_epoch: AfterEpoch | None,
    ) -> FittedClassifier:
        """`network`, a body and a head, both trained to the last epoch or to an early stop."""
        config, (body, head) = self.config, network
        classifier, stopping = FittedClassifier(body=body, head=self.plan.adjusting(head)), config.early_stopping
        descent = self.network_descent(network)
        # Training and validation loss of each epoch, on the device: reading one makes a GPU wait.
        losses = torch.full((2, config.epochs), math.nan, device=self.training.images.device)
        watched: list[float] = []
        best: Mapping[str, Tensor] = {}
        for epoch in range(1, config.epochs + 1):
            rate = config.learning_rate * config.schedule.rate_factor(epoch, watched)
            losses[0, epoch - 1] = descent.run(until=steps * epoch // config.epochs, of=steps, rate=rate)
            described = {"classifier": config.name, "epoch": epoch, "epochs": config.epochs}
            _log.debug("classifier epoch", extra=described)
            network.eval()
            if after_epoch:
                after_epoch(epoch, classifier)
            if validation is not None and (config.watches_validation or _is_recorded(epoch, config.epochs)):
                losses[1, epoch - 1] = validation.loss(classifier)
            if config.watches_validation:
                watched.append(losses[1, epoch - 1].item())
            network.train()
            if stopping and best_epoch(watched) == epoch - 1:
                best = deepcopy(network.state_dict())
            if stopping and stopping.is_over(watched):
                break
        if best:
            network.load_state_dict(best)
        descent.check()
        network.eval()
        on_training, on_validation = losses.tolist()
        return replace(classifier, training_losses=tuple(on_training), validation_losses=tuple(on_validation))

    def refit_head(self, features: Tensor, final_head: HeadFit | None, *, steps: int) -> Head:
        """A new head on the training set's `features` [N, D]: the model's own `final_head`, or a second stage.

        The second stage ignores schedule and augmentation: its rate decays from the first one to 0 as a cosine
        (Kang et al. 2020, section 5.1).
        """
        labels, weights = self.training.labels, self.training.weights
        if self.plan.head_stage:
            rebalance_seed = derive_seed(self.seed, "rebalance")
            features, labels, weights = self.plan.head_stage.rebalance(features, labels, weights, rebalance_seed)
        if final_head:
            num_classes = len(self.training.classes.names)
            return final_head(features, labels, weights, num_classes, derive_seed(self.seed, "final head"))
        head = self.new_head(features.shape[1])

        def loss(rows: Tensor, progress: float) -> Tensor:
            losses = functional.cross_entropy(head(features[rows]), labels[rows], reduction="none")
            return weighted_mean(losses, weights[rows])

        descent = self._descent(loss, head, "head batches", labels=labels)
        for step in range(steps):
            rate = self.config.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
            descent.run(until=step + 1, of=steps, rate=rate)
        descent.check()
        return head.eval()

    def _batch_loss(self, body: Callable[[Tensor], Tensor], head: nn.Module) -> _BatchLoss:
        training, plan, augmentation = self.training, self.plan, self.config.augmentation
        changes_images = augmentation != Augmentation()
        is_weighted = bool((training.weights != 1).any())
        random = torch_generator(self.seed, "augmentation", device=training.images.device)
        if isinstance(body, FrozenBody):
            if not changes_images and not plan.mix and self.features is not None:
                return self._head_loss(self.features, head)
            body = body.compute
        if self.config.precision == "bf16":
            body = _in_bf16(body)

        def loss(rows: Tensor, progress: float) -> Tensor:
            # A third of the time of indexing by a tensor.
            images = training.images.index_select(0, rows)
            if changes_images:
                images = augment(images, augmentation, random)
            targets, weights = training.labels[rows], training.weights[rows]
            if plan.mix and is_weighted:
                images, targets, weights = mix_weighted(plan.mix, images, targets, weights)
            elif plan.mix:
                images, targets = plan.mix(images, targets)
            logits = head(body(images))
            return plan.loss(FittingStep(logits=logits, targets=targets, weights=weights, progress=progress))

        return loss

    def _head_loss(self, features: Tensor, head: nn.Module) -> _BatchLoss:
        """The plan's loss of a head on `features` [N, D] of the training set, which stay as they are."""

        def loss(rows: Tensor, progress: float) -> Tensor:
            targets, weights = self.training.labels[rows], self.training.weights[rows]
            step = FittingStep(logits=head(features[rows]), targets=targets, weights=weights, progress=progress)
            return self.plan.loss(step)

        return loss

    def _descent(self, loss: _BatchLoss, network: nn.Module, purpose: str, *, labels: Tensor) -> "_Descent":
        random = torch_generator(self.seed, purpose, device=labels.device)
        optimiser = self.config.optimiser.optimiser(network.parameters(), self.config.learning_rate)
        return _Descent(loss, optimiser, index_batches(len(labels), self.config.batch_size, random))


def _in_bf16(body: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`body` that computes in bf16, with features in the images' precision."""

    def features(images: Tensor) -> Tensor:
        with products_in_bf16(images.device):
            return body(images).to(images.dtype)

    return features


def mix_weighted(mix: BatchMix, images: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mixed images [N, C, H, W] and class shares [N, K], as `mix` returns them, and the weights [N] of those
    images.

    The weight of a blended image is the weighted mean of its two images' weights, by its shares of them.
    """
    plane = weights[:, None, None, None].expand(-1, 1, *images.shape[-2:])
    mixed, shares = mix(torch.cat([images, plane], dim=1), labels)
    return mixed[:, :-1], shares, mixed[:, -1].mean(dim=(1, 2))


@dataclass(eq=False)
class _Descent:
    """Optimiser steps on a loss, a batch of rows each."""

    loss: _BatchLoss
    optimiser: torch.optim.Optimizer
    batches: Iterator[Tensor]
    total: Tensor | float = 0.0
    taken: int = 0

    def run(self, *, until: int, of: int, rate: float) -> Tensor:
        """Take steps at the learning rate `rate` until this many of all `of` have been taken; returns their mean
        loss.

        NaN without a step.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        first, total = self.taken, torch.zeros(())
        while self.taken < until:
            loss = self.loss(next(self.batches), self.taken / of)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            total = total + loss.detach()
            self.taken += 1
        self.total = self.total + total
        return total / (self.taken - first)

    def check(self) -> None:
        """Raises DivergedClassifierError if a loss was not finite.

        The loss is read once: a read in every step would make a GPU wait for it. NaN and infinity survive the sum.
        """
        if not math.isfinite(self.total):
            rate = self.optimiser.defaults["lr"]
            raise DivergedClassifierError(f"the classifier's loss diverged at learning rate {rate}")
