"""When a GAN's training ends, and which of its generators fills a class.

A training of a fixed length ends at that length. A training that may end automatically is compared, every few
hundred steps, with real images that were held out, and ends when the distance has not decreased for a while; the
nearest generator after the minimum length is used. Neither the validation nor the test set is used for this.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from statistics import fmean

import torch
from torch import Tensor

from gan_study.trainables.base.seeding import derive_seed, torch_generator
from gan_study.trainables.data.byte_images import Images, take
from gan_study.trainables.gans.training import TrainedGenerator, TrainingEnd
from gan_study.trainables.gans.variant import TrainingData

# A class with fewer images would have too few left to train on or to compare with.
FEWEST_IMAGES = 30
# The share of a class's images that its GAN is not shown, to be compared with.
HELD_OUT_SHARE = 0.2
# A comparison takes about as long as ten steps.
COMPARED_IMAGES, COMPARE_EVERY = 256, 250
# The held-out images of a class that are compared, as floats: 20,000 of 28 pixels, 1,300 photographs of 64.
MOST_COMPARED_BYTES = 64 * 2**20
# Comparisons without a smaller distance after which a training ends.
PATIENCE = 4
# The latest share of the comparisons, which has to bring something where a training is still improving.
LATEST_SHARE = 0.25


def hold_out(data: TrainingData, labels: Collection[int], *, seed: int) -> tuple[TrainingData, TrainingData]:
    """`data` without its `held_out_rows`, and the held-out images, in order; none if no class has enough
    images.
    """
    is_held_out = held_out_rows(data.labels, labels, seed=seed)
    return _take(data, ~is_held_out), _take(data, is_held_out)


def held_out_rows(all_labels: Tensor, labels: Collection[int], *, seed: int) -> Tensor:
    """Which images are held out: a fifth of each of `labels` that has FEWEST_IMAGES, bool [N] on the CPU.

    A class has the same ones in a GAN of all classes as in its own.
    """
    is_held_out = torch.zeros(len(all_labels), dtype=torch.bool)
    for label in labels:
        rows = torch.nonzero(all_labels == label).squeeze(1).cpu()
        number = round(HELD_OUT_SHARE * len(rows)) if len(rows) >= FEWEST_IMAGES else 0
        order = torch.randperm(len(rows), generator=torch_generator(seed, "held out", label))
        is_held_out[rows[order[:number]]] = True
    return is_held_out


def _take(data: TrainingData, chosen: Tensor) -> TrainingData:
    rows = torch.nonzero(chosen).squeeze(1).to(data.images.device)
    return replace(data, images=take(data.images, rows), labels=data.labels[rows])


def comparison_steps(most_generator_steps: int) -> frozenset[int]:
    """The generator steps at which a training that may end automatically is compared, including the last possible
    one.
    """
    return frozenset({*range(COMPARE_EVERY, most_generator_steps, COMPARE_EVERY), most_generator_steps})


def at_fixed_length(
    states: Iterator[TrainedGenerator], end: TrainingEnd, *, last: int
) -> Iterator[TrainedGenerator]:
    """`states`, that of generator step `last` with its `end`."""
    for state in states:
        yield replace(state, end=end) if state.generator_steps == last else state


def until_no_nearer(
    states: Iterator[TrainedGenerator],
    held_out: TrainingData,
    *,
    least: int,
    most: int,
    seed: int,
) -> Iterator[TrainedGenerator]:
    """`states` until the distance to `held_out` has not decreased for a while; the last has the generator to use.

    The training is at least `least` and at most `most` generator steps long. The generator is the nearest of those
    after at least `least` steps: before, a variant may still make noise (docs/gan_length.md), which may be nearer
    in pixels. Each state is compared before it is yielded, since its generator changes during the training.
    """
    compared_at: list[int] = []
    distances: list[float] = []
    taken: TrainedGenerator | None = None
    taken_distance = math.inf
    for state in states:
        if state.generator_steps not in comparison_steps(most):
            yield state
            continue
        distance = distance_to(held_out, state, seed=seed)
        compared_at.append(state.generator_steps)
        distances.append(distance)
        if state.generator_steps >= least and (taken is None or distance < taken_distance):
            # A copy: the generator of a training changes with it.
            taken, taken_distance = replace(state, generator=deepcopy(state.generator)), distance
        came_nearer = distances.index(min(distances)) >= len(distances) - PATIENCE
        if state.generator_steps >= most or (state.generator_steps >= least and not came_nearer):
            assert taken is not None, "no training is longer than it may be at most"
            end = TrainingEnd(
                reason="cap" if came_nearer else "converged",
                still_improving=came_nearer and is_still_improving(distances),
                compared_at=tuple(compared_at),
                distances=tuple(distances),
            )
            yield replace(state, generator=taken.generator, taken_from=taken.generator_steps, end=end)
            return
        yield state


def _compared(images: Images) -> Tensor:
    """`images` as they are compared: all, or evenly taken as many as their floats may be in memory."""
    most = max(2, MOST_COMPARED_BYTES // (4 * images.shape[1:].numel()))
    if len(images) <= most:
        return images[:]
    return images[torch.linspace(0, len(images) - 1, most, device=images.device).long()]


def is_still_improving(distances: Sequence[float]) -> bool:
    """Whether the best of the latest quarter of `distances` beats the best before by more than the fluctuation.

    The fluctuation is twice the mean rise from one comparison to the next, where a fall counts as zero: without a
    trend half of the steps are rises, so this is their mean size. Falls may be the trend, so they are not used: a
    curve that only falls has no fluctuation, whatever its slope. The standard error of the kernel distance would
    not be suitable: real images and latents are the same each time, so the variation between generators must be
    distinguished from improvement.
    """
    number = math.ceil(LATEST_SHARE * len(distances))
    before, latest = distances[:-number], distances[-number:]
    if not before:
        return False
    fluctuation = 2 * fmean(max(0.0, after - earlier) for earlier, after in pairwise(distances))
    return min(before) - min(latest) > fluctuation


def distance_to(held_out: TrainingData, made_by: TrainedGenerator, *, seed: int) -> float:
    """The mean over the classes of `held_out` of the kernel distance, in pixels, to images generated of the class.

    The latents are the same each time, so two distances differ only by the generators.
    """
    from gan_study.trainables.image_quality.distribution_metrics import kernel_distance  # late: it takes a second

    distances = []
    for label in sorted(set(held_out.labels.tolist())):
        real = _compared(take(held_out.images, held_out.labels == label))
        wanted = torch.full((COMPARED_IMAGES,), label, device=real.device)
        generated = made_by.sample(wanted, seed=derive_seed(seed, "compared", label))
        distance = kernel_distance(real.flatten(1).cpu().numpy(), generated.flatten(1).cpu().numpy())
        assert distance is not None, "a class of FEWEST_IMAGES has two images held out"
        distances.append(distance)
    return sum(distances) / len(distances)
