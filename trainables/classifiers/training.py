"""Fitting a classifier."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.base.batches import index_batches
from gan_study.trainables.base.seeding import derive_seed, seeded_global_state, torch_generator
from gan_study.trainables.classifiers.augmentation import augment
from gan_study.trainables.classifiers.catalog import classifier_model
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel, FittedClassifier, Head
from gan_study.trainables.classifiers.fitting_plan import PLAIN, FittingPlan
from gan_study.trainables.classifiers.heads import new_head
from gan_study.trainables.classifiers.losses import FittingStep, weighted_cross_entropy, weighted_mean
from gan_study.trainables.classifiers.optimisation import best_epoch
from gan_study.trainables.data.images import TrainingSet

_log = logging.getLogger(__name__)

# Called with an epoch (1-based) and the classifier as it is then.
AfterEpoch: TypeAlias = Callable[[int, FittedClassifier], None]


class DivergedClassifierError(RuntimeError):
    """The classifier's loss is no longer a finite number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Validation:
    """What a training may watch, on its device: images [N, C, H, W] in [-1, 1], labels [N] and weights [N]."""

    images: Tensor
    labels: Tensor
    weights: Tensor


def proportional_weights(labels: Tensor, proportions: Sequence[float]) -> Tensor:
    """Weights [N] that give the classes of `labels` [N] the `proportions` [K].

    The validation part is as imbalanced as the training part. Unweighted, its loss would stop a training before
    the classifier has learned the rare classes.
    """
    counts = labels.bincount(minlength=len(proportions))
    return (torch.tensor(proportions, device=labels.device) / counts)[labels]


def num_steps(config: ClassifierConfig, *, balanced_size: int, unbalanced_size: int) -> int:
    """Optimiser steps that `config` asks for; see ClassifierConfig.budget."""
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

    `validation` is needed, and read, only if `config` watches it. `after_epoch` is called with the classifier
    after each epoch, and changes nothing; if the head is fitted anew in the end, it is never called, since before
    that there is no classifier to show. Runs on the images' device. Neither reads nor changes the global random
    state: initial weights, mixing and dropout draw from a seeded one. Raises DivergedClassifierError if a loss is
    not finite.
    """
    assert validation is not None or not config.watches_validation, "nothing to watch"
    chosen, device = model or classifier_model(config), training.images.device
    stage, num_classes = plan.head_stage, len(training.classes.names)
    refits_head = bool(stage or chosen.final_head)
    # A second stage takes at least one step, and leaves one; a model's own final head takes none.
    head_steps = max(1, min(round(stage.steps_share * steps), steps - 1)) if stage and not chosen.final_head else 0
    with seeded_global_state(derive_seed(seed, "global state"), device):
        body, num_features = chosen.body(training.shape)
        # A third faster on a CPU, and the format that a GPU's matrix units want.
        body = body.to(device).to(memory_format=torch.channels_last)
        head: Head = _train(
            config,
            nn.Sequential(body, new_head(plan, num_features, num_classes).to(device)),
            training,
            plan,
            steps=steps - head_steps,
            seed=seed,
            validation=validation if config.watches_validation else None,
            after_epoch=None if refits_head else after_epoch,
        )
        if refits_head:
            head = _refit_head(config, chosen, body, training, plan, steps=head_steps, seed=seed)
    return FittedClassifier(body=body, head=plan.adjusting(head))


def _train(
    config: ClassifierConfig,
    network: nn.Sequential,
    training: TrainingSet,
    plan: FittingPlan,
    *,
    steps: int,
    seed: int,
    validation: Validation | None,
    after_epoch: AfterEpoch | None,
) -> nn.Module:
    """The head of `network`, a body and a head, both trained to the last epoch or to an early stop."""
    body, head = network
    random = torch_generator(seed, "augmentation", device=training.images.device)
    classifier, stopping = FittedClassifier(body=body, head=plan.adjusting(head)), config.early_stopping

    def loss(rows: Tensor, progress: float) -> Tensor:
        # A third of the time of indexing by a tensor.
        images = augment(training.images.index_select(0, rows), config.augmentation, random)
        targets = training.labels[rows]
        if plan.mix:
            images, targets = plan.mix(images, targets)
        weights = training.weights[rows]
        return plan.loss(
            FittingStep(logits=head(body(images)), targets=targets, weights=weights, progress=progress)
        )

    descent = _Descent(loss, network, config, derive_seed(seed, "batches"), data=training.labels, steps=steps)
    losses: list[float] = []
    best: Mapping[str, Tensor] = {}
    for epoch in range(1, config.epochs + 1):
        rate = config.learning_rate * config.schedule.rate_factor(epoch, losses)
        descent.run(until=steps * epoch // config.epochs, rate=rate)
        _log.debug("classifier epoch", extra={"classifier": config.name, "epoch": epoch, "epochs": config.epochs})
        network.eval()
        if after_epoch:
            after_epoch(epoch, classifier)
        if validation is not None:
            losses.append(_validation_loss(classifier, validation))
        network.train()
        if stopping and best_epoch(losses) == epoch - 1:
            best = deepcopy(network.state_dict())
        if stopping and stopping.is_over(losses):
            break
    if best:
        network.load_state_dict(best)
    descent.check()
    network.eval()
    return head


@torch.no_grad()
def _validation_loss(classifier: FittedClassifier, validation: Validation) -> float:
    """Weighted mean cross-entropy of the predictions on the validation part."""
    logits = classifier.logits(validation.images)
    losses = functional.cross_entropy(logits, validation.labels, reduction="none")
    return weighted_mean(losses, validation.weights).item()


def _refit_head(
    config: ClassifierConfig,
    model: ClassifierModel,
    body: nn.Module,
    training: TrainingSet,
    plan: FittingPlan,
    *,
    steps: int,
    seed: int,
) -> Head:
    """A new head on the features of the trained `body`: the model's own, or a second stage.

    The second stage ignores schedule and augmentation: its rate falls from the first one to 0 as a cosine (Kang et
    al. 2020, section 5.1).
    """
    labels, weights = training.labels, training.weights
    num_classes, device = len(training.classes.names), labels.device
    features = FittedClassifier(body=body, head=nn.Identity()).features(training.images)
    if plan.head_stage:
        features, labels = plan.head_stage.rebalance(features, labels, derive_seed(seed, "rebalance"))
        weights = torch.ones(len(labels), device=device)
    if model.final_head:
        return model.final_head(features, labels, weights, num_classes, derive_seed(seed, "final head"))
    head = new_head(plan, features.shape[1], num_classes).to(device)

    def loss(rows: Tensor, progress: float) -> Tensor:
        return weighted_cross_entropy(
            FittingStep(
                logits=head(features[rows]), targets=labels[rows], weights=weights[rows], progress=progress
            )
        )

    descent = _Descent(loss, head, config, derive_seed(seed, "head batches"), data=labels, steps=steps)
    for step in range(steps):
        rate = config.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
        descent.run(until=step + 1, rate=rate)
    descent.check()
    return head.eval()


class _Descent:
    """Optimiser steps on `loss(rows, progress)`, for batches of the rows of `data`, `steps` of them in all."""

    def __init__(
        self,
        loss: Callable[[Tensor, float], Tensor],
        network: nn.Module,
        config: ClassifierConfig,
        seed: int,
        *,
        data: Tensor,
        steps: int,
    ) -> None:
        self.loss, self.config, self.steps = loss, config, steps
        self.optimiser = config.optimiser.optimiser(network.parameters(), config.learning_rate)
        random = torch.Generator(device=data.device).manual_seed(seed)
        self.batches = index_batches(len(data), config.batch_size, random)
        self.total = torch.zeros((), device=data.device)
        self.taken = 0

    def run(self, *, until: int, rate: float) -> None:
        """Take steps at the learning rate `rate` until so many have been taken in all."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        while self.taken < until:
            loss = self.loss(next(self.batches), self.taken / self.steps)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self.total += loss.detach()
            self.taken += 1

    def check(self) -> None:
        """Raises DivergedClassifierError if a loss was not finite.

        Called once: a read in every step would make a GPU wait for it. NaN and infinity survive the sum.
        """
        if not torch.isfinite(self.total):
            raise DivergedClassifierError(
                f"the classifier's loss diverged at learning rate {self.config.learning_rate}"
            )
