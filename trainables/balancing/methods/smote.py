"""SMOTE: new images between neighbours of one class."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.openmp import one_openmp_thread
from gan_study.trainables.base.seeding import derive_seed, random_state
from gan_study.trainables.base.settings import DataError, settings
from gan_study.trainables.data.byte_images import floats_of
from gan_study.trainables.data.images import TrainingSet

# Bytes of the new examples, in float64 and float32, while imbalanced-learn makes them.
_BYTES_A_VALUE = 24


@settings
class Smote(FillsClasses):
    """Fills each minority class with x + u (x' - x) of its images: u uniform in [0, 1], x' near x in pixels.

    Chawla et al. 2002, "SMOTE: Synthetic Minority Over-sampling Technique", section 4.2, by imbalanced-learn.
    x' is one of the `k_neighbors` nearest images of the class; in a smaller class, any of the others.
    """

    k_neighbors: int = Field(default=5, ge=1)
    """How many nearest images of its class an image may be mixed with."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by the new images, once; raises DataError for a class of fewer than two."""
        request = smote_request(training, self.additions(training), k_neighbors=self.k_neighbors)
        shape = training.images.shape[1:]

        def pixels(label: int) -> Tensor:
            return floats_of(
                training.of_class(label), f"SMOTE of class {training.classes.names[label]!r}"
            ).flatten(1)

        filled = training
        for made, label in between_neighbours(pixels, derive_seed(seed, "smote"), request):
            filled = filled.extended(made.reshape(-1, *shape), torch.full((len(made),), label, device=made.device))
        yield BalancedSet(training=filled, notes=request.notes)


@dataclass(frozen=True, kw_only=True)
class SmoteRequest:
    """The number of new examples for each class (`wanted`), and the number of their `neighbours`, by label."""

    wanted: Mapping[int, int]
    neighbours: Mapping[int, int]
    notes: tuple[str, ...] = ()


def smote_request(training: TrainingSet, wanted: Mapping[int, int], *, k_neighbors: int) -> SmoteRequest:
    """`wanted` examples of classes of `training`; a note for each class that has too few images for `k_neighbors`.

    Raises DataError if such a class has fewer than two images.
    """
    counts, names = training.class_counts(), training.classes.names
    for label in wanted:
        if counts[label] < 2:
            raise DataError(f"class {names[label]!r} has one image in the training set; SMOTE needs two")
    neighbours = {label: min(k_neighbors, counts[label] - 1) for label in wanted}
    return SmoteRequest(
        wanted=wanted,
        neighbours=neighbours,
        notes=tuple(
            f"class {names[label]!r} has {counts[label]} images: SMOTE takes {number} of {k_neighbors} neighbours"
            for label, number in neighbours.items()
            if number < k_neighbors
        ),
    )


def between_neighbours(
    rows_of: Callable[[int], Tensor], seed: int, request: SmoteRequest
) -> Iterator[tuple[Tensor, int]]:
    """The new rows [m, D] that `request` asks for a class, and its label; `rows_of` gives those of one class [n,
    D].

    One class at a time, independently of the others. Raises MemoryShortageError if they do not fit.
    """
    # Late, as everywhere: it takes a second, and most commands and trials do without.
    from imblearn.over_sampling import SMOTE

    for number, label in sorted((request.neighbours[label], label) for label in request.wanted):
        rows, wanted = rows_of(label), request.wanted[label]
        refuse_beyond_memory(_BYTES_A_VALUE * wanted * rows.shape[1], f"SMOTE: {wanted:,} new examples of a class")
        # imbalanced-learn wants another class to be there.
        values = np.concatenate([rows.cpu().numpy(), np.zeros((1, rows.shape[1]), dtype=np.float32)])
        targets = np.array([label] * len(rows) + [label + 1], dtype=np.int64)
        sampler = SMOTE(
            sampling_strategy={label: len(rows) + wanted},
            k_neighbors=number,
            random_state=random_state(seed, number),
        )
        with one_openmp_thread():
            resampled, _ = sampler.fit_resample(values, targets)
        yield torch.as_tensor(resampled[len(values) :], device=rows.device), label


SMOTE = BalancerEntry(
    name="smote", settings=Smote, summary="adds images between neighbouring rare images", adds_images=True
)
