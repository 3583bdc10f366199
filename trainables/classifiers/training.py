"""Fitting a classifier, and predicting with it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.batches import index_batches
from trainables.classifiers.catalog import classifier_model
from trainables.classifiers.classifier import ClassifierConfig
from trainables.data.images import TrainingSet
from trainables.seeding import derive_seed, torch_generator

# Large enough that a batch costs more than its launch, small enough for the activations of 64x64 images.
PREDICTION_BATCH = 1024


class DivergedClassifierError(RuntimeError):
    """The classifier's loss is no longer a finite number."""


def num_steps(config: ClassifierConfig, *, balanced_size: int, unbalanced_size: int) -> int:
    """Optimiser steps that `config` asks for; see ClassifierConfig.budget."""
    size = unbalanced_size if config.budget == "steps" else balanced_size
    return config.epochs * math.ceil(size / config.batch_size)


def fit(config: ClassifierConfig, training: TrainingSet, *, steps: int, seed: int) -> nn.Module:
    """The model of `config` after `steps` Adam steps on `training`, in evaluation mode, on its device.

    Minimises the weighted cross-entropy, sum of w_i l_i over sum of w_i in each batch. Neither reads nor changes
    the global random state. Raises DivergedClassifierError where the loss is no longer finite.
    """
    device = training.images.device
    model = _initialised(config, training, seed).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    batches = index_batches(len(training), config.batch_size, torch_generator(seed, "batches", device=device))
    total = torch.zeros((), device=device)
    for _, batch in zip(range(steps), batches, strict=False):
        loss = weighted_cross_entropy(
            model(training.images[batch]), training.labels[batch], training.weights[batch]
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.detach()
    # Read once: a read in every step would make a GPU wait for it. NaN and infinity survive the sum.
    if not torch.isfinite(total):
        raise DivergedClassifierError(f"the classifier's loss diverged at learning rate {config.learning_rate}")
    return model.eval()


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean cross-entropy of logits [N, K] and labels [N], each image counted `weights` [N] times."""
    losses = functional.cross_entropy(logits, labels, reduction="none")
    return (weights * losses).sum() / weights.sum()


@torch.no_grad()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Class probabilities [N, K] for images [N, C, H, W] in [-1, 1]."""
    return torch.cat([model(batch).softmax(dim=1) for batch in torch.split(images, PREDICTION_BATCH)])


def _initialised(config: ClassifierConfig, training: TrainingSet, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would seed the GPUs as well.
        torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))
        return classifier_model(config).build(training.shape, len(training.classes.names))
