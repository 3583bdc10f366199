"""SMOTE: new images between neighbours of one class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.base.seeding import derive_seed, random_state
from gan_study.trainables.base.settings import DataError, settings
from gan_study.trainables.data.images import TrainingSet, class_counts


@settings
class Smote(FillsClasses):
    """Fills each minority class with x + u (x' - x) of its images: u uniform in [0, 1], x' near x as pixels go.

    Chawla et al. 2002, "SMOTE: Synthetic Minority Over-sampling Technique", section 4.2, by imbalanced-learn.
    x' is one of the `k_neighbors` nearest images of the class; in a smaller class, any of the others.
    """

    k_neighbors: int = Field(default=5, ge=1)
    """How many nearest images of its class an image may be mixed with."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` with the new images after it, once; raises DataError for a class of fewer than two."""
        request = smote_request(training, self.additions(training), k_neighbors=self.k_neighbors)
        made, labels = between_neighbours(
            training.images.flatten(1), training.labels, derive_seed(seed, "smote"), request
        )
        yield BalancedSet(
            training=training.extended(made.reshape(-1, *training.images.shape[1:]), labels), notes=request.notes
        )


@dataclass(frozen=True, kw_only=True)
class SmoteRequest:
    """How many examples each class wants (`wanted`), between how many `neighbours` of it, by label."""

    wanted: Mapping[int, int]
    neighbours: Mapping[int, int]
    notes: tuple[str, ...] = ()


def smote_request(training: TrainingSet, wanted: Mapping[int, int], *, k_neighbors: int) -> SmoteRequest:
    """`wanted` examples of classes of `training`; a note for each that has too few images for `k_neighbors`.

    Raises DataError where such a class has fewer than two images.
    """
    counts, names = training.class_counts(), training.classes.names
    for label in wanted:
        if counts[label] < 2:
            raise DataError(f"class {names[label]!r} has one image in the training part; SMOTE needs two")
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


def between_neighbours(rows: Tensor, labels: Tensor, seed: int, request: SmoteRequest) -> tuple[Tensor, Tensor]:
    """The new rows [M, D] that `request` wants of `rows` [N, D] with `labels` [N], and their labels [M]."""
    # Late, as everywhere: it takes a second, and most commands and trials do without.
    from imblearn.over_sampling import SMOTE

    values, targets = rows.cpu().numpy(), labels.cpu().numpy()
    counts = class_counts(targets, int(targets.max()) + 1)
    made, made_labels = [values[:0]], [targets[:0]]
    # One call for each number of neighbours: nearly always one.
    for number in sorted(set(request.neighbours.values())):
        wanted = {label: n for label, n in request.wanted.items() if request.neighbours[label] == number}
        sampler = SMOTE(
            sampling_strategy={label: counts[label] + n for label, n in wanted.items()},
            k_neighbors=number,
            random_state=random_state(seed, number),
        )
        all_rows, all_labels = sampler.fit_resample(values, targets)
        made.append(all_rows[len(values) :])
        made_labels.append(all_labels[len(values) :])
    return (
        torch.as_tensor(np.concatenate(made), device=rows.device),
        torch.as_tensor(np.concatenate(made_labels), device=labels.device),
    )


SMOTE = BalancerEntry(
    name="smote", settings=Smote, summary="adds images between neighbouring rare images", adds_images=True
)
