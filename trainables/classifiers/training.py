"""Fitting a classifier."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainables.batches import index_batches
from trainables.classifiers.catalog import classifier_model
from trainables.classifiers.classifier import ClassifierConfig, FittedClassifier, Head
from trainables.classifiers.heads import new_head
from trainables.data.images import TrainingSet
from trainables.fitting.losses import FittingStep, weighted_cross_entropy
from trainables.fitting.plan import PLAIN, FittingPlan
from trainables.seeding import derive_seed, seeded_global_state, torch_generator


class DivergedClassifierError(RuntimeError):
    """The classifier's loss is no longer a finite number."""


def num_steps(config: ClassifierConfig, *, balanced_size: int, unbalanced_size: int) -> int:
    """Optimiser steps that `config` asks for; see ClassifierConfig.budget."""
    size = unbalanced_size if config.budget == "steps" else balanced_size
    return config.epochs * math.ceil(size / config.batch_size)


def fit(
    config: ClassifierConfig, training: TrainingSet, *, steps: int, seed: int, plan: FittingPlan = PLAIN
) -> FittedClassifier:
    """The model of `config` after `steps` Adam steps on `training`, fitted as `plan` has it.

    Runs on the images' device. Neither reads nor changes the global random state. Raises DivergedClassifierError where the loss is no longer
    finite.
    """
    with seeded_global_state(derive_seed(seed, "global state"), training.images.device):
        return _Fit(config, training, plan, steps=steps, seed=seed).fitted()


class _Fit:
    """One classifier in the making. Initial weights, mixing and dropout draw from the global random state."""

    def __init__(
        self, config: ClassifierConfig, training: TrainingSet, plan: FittingPlan, *, steps: int, seed: int
    ) -> None:
        self.config, self.training, self.plan = config, training, plan
        self.steps, self.seed = steps, seed
        self.model = classifier_model(config)
        self.num_classes = len(training.classes.names)
        self.device = training.images.device
        body, self.num_features = self.model.body(training.shape)
        self.body = body.to(self.device)

    def fitted(self) -> FittedClassifier:
        """The classifier, all stages done."""
        head: Head = self._trained_with_body()
        self.body.eval()
        if self.plan.head_stage or self.model.final_head:
            head = self._fitted_to_features()
        return FittedClassifier(body=self.body, head=lambda features: self.plan.adjusted(head(features)))

    def _trained_with_body(self) -> nn.Module:
        training, head = self.training, self._new_head()

        def loss(rows: Tensor, progress: float) -> Tensor:
            images, targets = training.images[rows], training.labels[rows]
            if self.plan.mix:
                images, targets = self.plan.mix(images, targets)
            step = FittingStep(
                logits=head(self.body(images)),
                targets=targets,
                weights=training.weights[rows],
                progress=progress,
            )
            return self.plan.loss(step)

        self._minimise(loss, nn.ModuleList([self.body, head]), num_rows=len(training), steps=self.steps)
        return head.eval()

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
        assert stage is not None
        return self._refitted_head(features, labels, steps=max(1, round(stage.steps_share * self.steps)))

    def _refitted_head(self, features: Tensor, labels: Tensor, *, steps: int) -> nn.Module:
        head = self._new_head()

        def loss(rows: Tensor, progress: float) -> Tensor:
            weights = torch.ones(len(rows), device=self.device)
            step = FittingStep(
                logits=head(features[rows]), targets=labels[rows], weights=weights, progress=progress
            )
            return weighted_cross_entropy(step)

        self._minimise(loss, head, num_rows=len(labels), steps=steps)
        return head.eval()

    def _new_head(self) -> nn.Module:
        return new_head(self.plan, self.num_features, self.num_classes).to(self.device)

    def _minimise(
        self, loss_of: Callable[[Tensor, float], Tensor], network: nn.Module, *, num_rows: int, steps: int
    ) -> None:
        """Trains `network` on `loss_of(rows, progress)`, for batches of `num_rows` rows."""
        optimiser = torch.optim.Adam(network.parameters(), lr=self.config.learning_rate)
        random = torch_generator(self.seed, "batches", device=self.device)
        total = torch.zeros((), device=self.device)
        batches = index_batches(num_rows, self.config.batch_size, random)
        for step, rows in zip(range(steps), batches, strict=False):
            loss = loss_of(rows, step / steps)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach()
        # Read once: a read in every step would make a GPU wait for it. NaN and infinity survive the sum.
        if not torch.isfinite(total):
            raise DivergedClassifierError(
                f"the classifier's loss diverged at learning rate {self.config.learning_rate}"
            )
