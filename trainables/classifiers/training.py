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
from gan_study.trainables.classifiers.augmentation import augmented
from gan_study.trainables.classifiers.catalog import classifier_model
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel, FittedClassifier, Head
from gan_study.trainables.classifiers.fitting_plan import PLAIN, FittingPlan
from gan_study.trainables.classifiers.heads import new_head
from gan_study.trainables.classifiers.losses import FittingStep, weighted_cross_entropy, weighted_mean
from gan_study.trainables.classifiers.optimisation import best_epoch
from gan_study.trainables.data.images import TrainingSet

_log = logging.getLogger(__name__)

# Of an epoch (1-based) and the classifier as it is then.
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
    """Weights [N] with which the classes of `labels` [N] have `proportions` [K]; a class without labels has none.

    The validation part is as imbalanced as the training part. Unweighted, its loss would stop a training before it
    has learned what a balancer is there for.
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
    """The model of `config` (or another `model`) after `steps` optimiser steps on `training`, as `plan` has it.

    `validation` is needed, and looked at, only where `config` watches it. `after_epoch` is shown the classifier
    as each epoch leaves it, and changes nothing; it is never called where the head is made anew in the end, since
    before that there is no classifier to show. Runs on the images' device. Neither reads nor changes the global
    random state. Raises DivergedClassifierError where a loss is not finite.
    """
    assert validation is not None or not config.watches_validation, "nothing to watch"
    chosen = model or classifier_model(config)
    with seeded_global_state(derive_seed(seed, "global state"), training.images.device):
        return _Fit(config, chosen, training, validation, plan, after_epoch, steps=steps, seed=seed).fitted()


class _Fit:
    """One classifier in the making. Initial weights, mixing and dropout draw from the global random state."""

    def __init__(
        self,
        config: ClassifierConfig,
        model: ClassifierModel,
        training: TrainingSet,
        validation: Validation | None,
        plan: FittingPlan,
        after_epoch: AfterEpoch | None,
        *,
        steps: int,
        seed: int,
    ) -> None:
        self.config, self.model, self.plan = config, model, plan
        self.refits_head = bool(plan.head_stage or model.final_head)
        self.after_epoch = None if self.refits_head else after_epoch
        self.training, self.validation = training, validation
        self.head_steps = _head_steps(plan, model, steps)
        self.steps, self.seed = steps - self.head_steps, seed
        self.num_classes = len(training.classes.names)
        self.device = training.images.device
        body, self.num_features = model.body(training.shape)
        # A third faster on a CPU, and the format that a GPU's matrix units want.
        self.body = body.to(self.device).to(memory_format=torch.channels_last)

    def fitted(self) -> FittedClassifier:
        """The classifier, all stages done."""
        head: Head = self._trained_with_body()
        self.body.eval()
        if self.refits_head:
            head = self._fitted_to_features()
        return self._classifier(head)

    def _classifier(self, head: Head) -> FittedClassifier:
        return FittedClassifier(body=self.body, head=self.plan.adjusting(head))

    def _trained_with_body(self) -> nn.Module:
        training, head = self.training, self._new_head()
        random = torch_generator(self.seed, "augmentation", device=self.device)

        def loss(rows: Tensor, progress: float) -> Tensor:
            # A third of the time of indexing by a tensor.
            images = augmented(training.images.index_select(0, rows), self.config.augmentation, random)
            targets = training.labels[rows]
            if self.plan.mix:
                images, targets = self.plan.mix(images, targets)
            step = FittingStep(
                logits=head(self.body(images)),
                targets=targets,
                weights=training.weights[rows],
                progress=progress,
            )
            return self.plan.loss(step)

        network = nn.Sequential(self.body, head)
        descent = self._descent(loss, network, "batches", num_rows=len(training), steps=self.steps)
        self._run_epochs(descent, network)
        return head.eval()

    def _run_epochs(self, descent: "_Descent", network: nn.Sequential) -> None:
        """The first stage, epoch by epoch, each at its rate, to the last or to an early stop."""
        config, stopping = self.config, self.config.early_stopping
        losses: list[float] = []
        best: Mapping[str, Tensor] = {}
        for epoch in range(1, config.epochs + 1):
            descent.set_rate(config.learning_rate * config.schedule.rate_factor(epoch, losses))
            descent.run(until=self.steps * epoch // config.epochs)
            _log.debug(
                "classifier epoch", extra={"classifier": config.name, "epoch": epoch, "epochs": config.epochs}
            )
            if self.after_epoch:
                network.eval()
                self.after_epoch(epoch, self._classifier(network[1]))
                network.train()
            if config.watches_validation:
                losses.append(self._validation_loss(network))
            if stopping and best_epoch(losses) == epoch - 1:
                best = deepcopy(network.state_dict())
            if stopping and stopping.is_over(losses):
                break
        if best:
            network.load_state_dict(best)
        descent.check()

    def _fitted_to_features(self) -> Head:
        labels, weights = self.training.labels, self.training.weights
        features = FittedClassifier(body=self.body, head=nn.Identity()).features(self.training.images)
        stage = self.plan.head_stage
        if stage:
            features, labels = stage.rebalance(features, labels, derive_seed(self.seed, "rebalance"))
            weights = torch.ones(len(labels), device=self.device)
        if self.model.final_head:
            return self.model.final_head(
                features, labels, weights, self.num_classes, derive_seed(self.seed, "final head")
            )
        return self._refitted_head(features, labels)

    def _refitted_head(self, features: Tensor, labels: Tensor) -> nn.Module:
        """A new head, at a rate that falls to 0: schedule and augmentation are the first stage's alone.

        A cosine from the first rate to 0, as in Kang et al. 2020, section 5.1.
        """
        head = self._new_head()

        def loss(rows: Tensor, progress: float) -> Tensor:
            weights = torch.ones(len(rows), device=self.device)
            step = FittingStep(
                logits=head(features[rows]), targets=labels[rows], weights=weights, progress=progress
            )
            return weighted_cross_entropy(step)

        descent = self._descent(loss, head, "head batches", num_rows=len(labels), steps=self.head_steps)
        for step in range(self.head_steps):
            descent.set_rate(self.config.learning_rate * (1 + math.cos(math.pi * step / self.head_steps)) / 2)
            descent.run(until=step + 1)
        descent.check()
        return head.eval()

    def _new_head(self) -> nn.Module:
        return new_head(self.plan, self.num_features, self.num_classes).to(self.device)

    def _descent(
        self,
        loss: Callable[[Tensor, float], Tensor],
        network: nn.Module,
        purpose: str,
        *,
        num_rows: int,
        steps: int,
    ) -> "_Descent":
        random = torch_generator(self.seed, purpose, device=self.device)
        return _Descent(loss, network, self.config, random, num_rows=num_rows, steps=steps)

    @torch.no_grad()
    def _validation_loss(self, network: nn.Sequential) -> float:
        """Mean cross-entropy of the predictions on the validation part, in evaluation mode."""
        assert self.validation is not None
        network.eval()
        _, head = network
        features = self._classifier(head).features(self.validation.images)
        logits = self.plan.adjusted(head(features))
        network.train()
        losses = functional.cross_entropy(logits, self.validation.labels, reduction="none")
        return weighted_mean(losses, self.validation.weights).item()


def _head_steps(plan: FittingPlan, model: ClassifierModel, steps: int) -> int:
    """How many of all steps a second stage takes: one at least, and not all, unless there is one."""
    if plan.head_stage is None or model.final_head is not None:
        return 0
    return max(1, min(round(plan.head_stage.steps_share * steps), steps - 1))


class _Descent:
    """Optimiser steps on `loss(rows, progress)`, for batches of `num_rows` rows, `steps` of them in all."""

    def __init__(
        self,
        loss: Callable[[Tensor, float], Tensor],
        network: nn.Module,
        config: ClassifierConfig,
        random: torch.Generator,
        *,
        num_rows: int,
        steps: int,
    ) -> None:
        self.loss, self.config, self.steps = loss, config, steps
        self.optimiser = config.optimiser.optimiser(network.parameters(), config.learning_rate)
        self.batches = index_batches(num_rows, config.batch_size, random)
        self.total = torch.zeros((), device=random.device)
        self.taken = 0

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps to come."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def run(self, *, until: int) -> None:
        """Steps until so many have been taken in all."""
        while self.taken < until:
            loss = self.loss(next(self.batches), self.taken / self.steps)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self.total += loss.detach()
            self.taken += 1

    def check(self) -> None:
        """Raises DivergedClassifierError where a loss was not finite.

        Asked for once: a read in every step would make a GPU wait for it. NaN and infinity survive the sum.
        """
        if not torch.isfinite(self.total):
            raise DivergedClassifierError(
                f"the classifier's loss diverged at learning rate {self.config.learning_rate}"
            )
