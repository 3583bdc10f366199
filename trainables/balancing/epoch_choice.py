"""Which epoch's generator fills a class: the last one's, or the best one's by a measure instead of by eye."""

import math
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import replace

import torch

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.training import TrainedEpoch
from gan_study.trainables.gans.variant import TrainingData


def best_so_far(
    epochs: Iterator[TrainedEpoch],
    data: TrainingData,
    labels: Collection[int],
    *,
    latent_size: int,
    seed: int,
) -> Iterator[TrainedEpoch]:
    """`epochs`, each with the best generator so far in place of its own, and that one's epoch as `taken_from`.

    Generators are judged by the kernel distance, in pixels, of as many images as there are in `data`, the mean
    over the classes `labels`. Where a class has one image, the generator is the latest. The validation part plays
    no part in this.
    """
    best, best_distance = None, math.inf
    for state in epochs:
        found = pixel_distance(state, data, labels, latent_size=latent_size, seed=seed)
        if found <= best_distance:
            best, best_distance = replace(state, generator=deepcopy(state.generator)), found
        taken = best or state
        yield replace(state, generator=taken.generator, taken_from=taken.epoch)


def pixel_distance(
    state: TrainedEpoch, data: TrainingData, labels: Collection[int], *, latent_size: int, seed: int
) -> float:
    """Mean over `labels` of the kernel distance between a class's images and as many generated ones, in pixels.

    Infinite where no class has the two images that it takes.
    """
    from gan_study.trainables.image_quality.distribution_metrics import kernel_distance  # late: it takes a second

    distances = []
    for label in labels:
        real = data.images[data.labels == label]
        wanted = torch.full((len(real),), label, device=real.device)
        generated = sample(state.generator, wanted, latent_size, seed=derive_seed(seed, "judged", label))
        distance = kernel_distance(real.flatten(1).cpu().numpy(), generated.flatten(1).cpu().numpy())
        if distance is not None:
            distances.append(distance)
    return sum(distances) / len(distances) if distances else math.inf
