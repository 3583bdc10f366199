"""When a GAN's training ends, and which of its generators fills a class.

A training of a fixed length ends there. One that may end by itself is compared, every few hundred steps, with real
images that it was not shown, and ends once it has come no nearer for a while; the nearest generator is taken.
Neither the validation nor the test part plays a part in this.
"""

from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor

from gan_study.trainables.base.seeding import derive_seed, torch_generator
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.training import TrainedGan, TrainingEnd
from gan_study.trainables.gans.variant import TrainingData

# Of a class with fewer images too few would be left to train on or to compare with.
FEWEST_IMAGES = 30
# The share of a class's images that its GAN is not shown, to be compared with.
HELD_OUT_SHARE = 0.2
# A comparison takes about as long as ten steps.
COMPARED_IMAGES, COMPARE_EVERY = 256, 250
# Comparisons without a smaller distance after which a training ends.
PATIENCE = 4


def hold_out(data: TrainingData, labels: Collection[int], *, seed: int) -> tuple[TrainingData, TrainingData]:
    """`data` without a fifth of the images of each of `labels` that has FEWEST_IMAGES, and what it lost, in order.

    What it lost is empty where no class has so many.
    """
    is_held_out = torch.zeros(len(data.labels), dtype=torch.bool)
    for label in labels:
        rows = torch.nonzero(data.labels == label).squeeze(1).cpu()
        number = round(HELD_OUT_SHARE * len(rows)) if len(rows) >= FEWEST_IMAGES else 0
        order = torch.randperm(len(rows), generator=torch_generator(seed, "held out", label))
        is_held_out[rows[order[:number]]] = True
    return _take(data, ~is_held_out), _take(data, is_held_out)


def _take(data: TrainingData, chosen: Tensor) -> TrainingData:
    rows = torch.nonzero(chosen).squeeze(1).to(data.images.device)
    return replace(data, images=data.images[rows], labels=data.labels[rows])


def comparison_steps(most_generator_steps: int) -> frozenset[int]:
    """The generator steps at which a training that may end by itself is compared, the last possible among them."""
    return frozenset({*range(COMPARE_EVERY, most_generator_steps, COMPARE_EVERY), most_generator_steps})


def at_fixed_length(states: Iterator[TrainedGan], end: TrainingEnd, *, last: int) -> Iterator[TrainedGan]:
    """`states`, that of generator step `last` with its `end`."""
    for state in states:
        yield replace(state, end=end) if state.generator_steps == last else state


def until_no_nearer(
    states: Iterator[TrainedGan],
    held_out: TrainingData,
    *,
    least: int,
    most: int,
    latent_size: int,
    seed: int,
) -> Iterator[TrainedGan]:
    """`states` until no nearer one to `held_out` has come for a while, the last with the nearest's generator.

    The training is at least `least` and at most `most` generator steps long. Each state is compared before it is
    passed on, since its generator changes with the training.
    """
    compared_at: list[int] = []
    distances: list[float] = []
    nearest: TrainedGan | None = None
    for state in states:
        if state.generator_steps not in comparison_steps(most):
            yield state
            continue
        distance = distance_to(held_out, state, latent_size=latent_size, seed=seed)
        if nearest is None or distance < min(distances):
            # A copy: the generator of a training changes with it.
            nearest = replace(state, generator=deepcopy(state.generator))
        compared_at.append(state.generator_steps)
        distances.append(distance)
        is_improving = nearest.generator_steps in compared_at[-PATIENCE:]
        if state.generator_steps >= most or (state.generator_steps >= least and not is_improving):
            end = TrainingEnd(
                reason="cap" if is_improving else "converged",
                still_improving=is_improving,
                compared_at=tuple(compared_at),
                distances=tuple(distances),
            )
            yield replace(state, generator=nearest.generator, taken_from=nearest.generator_steps, end=end)
            return
        yield state


def distance_to(held_out: TrainingData, gan: TrainedGan, *, latent_size: int, seed: int) -> float:
    """The mean over the classes of `held_out` of the kernel distance, in pixels, to images generated of the class.

    From the same latents each time, so that two distances differ by the generators alone.
    """
    from gan_study.trainables.image_quality.distribution_metrics import kernel_distance  # late: it takes a second

    distances = []
    for label in sorted(set(held_out.labels.tolist())):
        real = held_out.images[held_out.labels == label]
        wanted = torch.full((COMPARED_IMAGES,), label, device=real.device)
        generated = sample(gan.generator, wanted, latent_size, seed=derive_seed(seed, "compared", label))
        distance = kernel_distance(real.flatten(1).cpu().numpy(), generated.flatten(1).cpu().numpy())
        assert distance is not None, "a class of FEWEST_IMAGES has two images held out"
        distances.append(distance)
    return sum(distances) / len(distances)
