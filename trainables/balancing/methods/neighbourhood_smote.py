"""SMOTE that uses the neighbours of other classes: at the border, or far from it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.balancing.methods.smote import SmoteRequest, between_neighbours, smote_request
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.openmp import one_openmp_thread
from gan_study.trainables.base.seeding import derive_seed, numpy_generator, random_state
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.byte_images import floats_of
from gan_study.trainables.data.images import TrainingSet

Rows = npt.NDArray[np.float32]

# Of every image, while neighbours are looked for: once as it is, once among those that a library copies.
_BYTES_A_VALUE = 16


@settings
class BorderlineSmote(FillsClasses):
    """SMOTE from images near other classes: at least half of their `m_neighbors` nearest images are of other
    classes.

    Han et al. 2005, "Borderline-SMOTE: A New Over-Sampling Method in Imbalanced Data Sets Learning", section 3,
    borderline-SMOTE1, by imbalanced-learn; all other classes are one. An image whose neighbours are all of other
    classes is noise, and is not used. If no image of a class is at the border, all of its images are used, as in
    SMOTE, and a note says so.
    """

    k_neighbors: int = Field(default=5, ge=1)
    """How many nearest images of its class an image may be mixed with."""
    m_neighbors: int = Field(default=10, ge=1)
    """How many nearest images of any class determine whether an image is at the border."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by the new images, once; raises DataError for a class of fewer than two."""
        from imblearn.over_sampling import BorderlineSMOTE  # late: it takes a second

        request = smote_request(training, self.additions(training), k_neighbors=self.k_neighbors)
        rows, labels = _rows_of(training), training.labels.cpu().numpy()
        filled, notes = training, request.notes
        for label, number in request.wanted.items():
            is_own = labels == label
            sampler = BorderlineSMOTE(
                sampling_strategy={1: int(is_own.sum()) + number},
                k_neighbors=request.neighbours[label],
                m_neighbors=min(self.m_neighbors, len(rows) - 1),
                random_state=random_state(seed, "borderline_smote", label),
            )
            with one_openmp_thread():
                made = sampler.fit_resample(rows, is_own.astype(np.int64))[0][len(rows) :]
            if not len(made):
                made = _between_any(rows[is_own], request, label, seed=seed)
                notes = (*notes, _everywhere(training, label, "at the border of its class"))
            filled = _extended(filled, made, label)
        yield BalancedSet(training=filled, notes=notes)


@settings
class SafeLevelSmote(FillsClasses):
    """SMOTE that favours the image with more neighbours of its class.

    Bunkhumpornpat et al. 2009, "Safe-Level-SMOTE", figure 3. The safe level of an image is the number of its
    `k_neighbors` nearest images that are of its class. A new image is between an image and a neighbour of its
    class, nearer to the one with the higher level; if one has level 0, it is at the other, and there is none
    between two of level 0. Every pair of an image and one of its neighbours is equally likely; if all have level
    0, SMOTE is used, and a note says so.
    """

    k_neighbors: int = Field(default=5, ge=1)
    """How many nearest images determine how safe an image is, and how many of its class it may be mixed with."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by the new images, once; raises DataError for a class of fewer than two."""
        request = smote_request(training, self.additions(training), k_neighbors=self.k_neighbors)
        rows, labels = _rows_of(training), training.labels.cpu().numpy()
        filled, notes = training, request.notes
        for label, number in request.wanted.items():
            random = numpy_generator(seed, "safe_level_smote", label)
            is_own = labels == label
            levels = safe_levels(rows, is_own, k_neighbors=self.k_neighbors)
            made = between_safe(rows[is_own], levels, number, k_neighbors=request.neighbours[label], random=random)
            if made is None:
                made = _between_any(rows[is_own], request, label, seed=seed)
                notes = (*notes, _everywhere(training, label, "near another of its class"))
            filled = _extended(filled, made, label)
        yield BalancedSet(training=filled, notes=notes)


def safe_levels(rows: Rows, is_own: npt.NDArray[np.bool_], *, k_neighbors: int) -> npt.NDArray[np.int64]:
    """For each of a class's images among `rows` [N, D], how many of its nearest images are also of the class."""
    found = _nearest(rows, np.flatnonzero(is_own), min(k_neighbors, len(rows) - 1))
    levels: npt.NDArray[np.int64] = is_own[found].sum(axis=1)
    return levels


def between_safe(
    own: Rows,
    levels: npt.NDArray[np.int64],
    number: int,
    *,
    k_neighbors: int,
    random: np.random.Generator,
) -> Rows | None:
    """`number` new rows between those of a class [n, D] with their safe `levels` [n]; None if all are 0."""
    neighbours = _nearest(own, np.arange(len(own)), k_neighbors)
    first = np.repeat(np.arange(len(own)), neighbours.shape[1])
    second = neighbours.ravel()
    is_safe = (levels[first] > 0) | (levels[second] > 0)
    if not is_safe.any():
        return None
    drawn = random.choice(np.flatnonzero(is_safe), size=number)
    first, second = first[drawn], second[drawn]
    # The way from the first to the second, as a share of it: near the safer one.
    smaller, larger = np.sort([levels[first], levels[second]], axis=0)
    gap = random.random(number) * smaller / larger
    gap = np.where(levels[first] >= levels[second], gap, 1 - gap)[:, None].astype(np.float32)
    made: Rows = own[first] + gap * (own[second] - own[first])
    return made


def _nearest(rows: Rows, asked: npt.NDArray[np.intp], number: int) -> npt.NDArray[np.intp]:
    """The places in `rows` [N, D] of the `number` nearest to each of the places `asked` [M], itself apart."""
    from sklearn.neighbors import NearestNeighbors  # late: it takes a second

    search = NearestNeighbors(n_neighbors=number + 1, algorithm="brute").fit(rows)
    with one_openmp_thread():
        found: npt.NDArray[np.intp] = search.kneighbors(rows[asked], return_distance=False)
    # One that equals it may come before it, or in place of it.
    itself_last = np.argsort(found == asked[:, None], axis=1, kind="stable")
    return np.take_along_axis(found, itself_last, axis=1)[:, :number]


def _rows_of(training: TrainingSet) -> Rows:
    """All images as rows of numbers [N, D]."""
    num_values = training.shape.num_values
    refuse_beyond_memory(
        _BYTES_A_VALUE * len(training) * num_values, f"SMOTE among {len(training):,} images of all classes"
    )
    rows: Rows = floats_of(training.images, "SMOTE among all images").flatten(1).cpu().numpy()
    return rows


def _between_any(own: Rows, request: SmoteRequest, label: int, *, seed: int) -> Rows:
    """What SMOTE would make of a class with the rows `own` [n, D]."""
    alone = replace(request, wanted={label: request.wanted[label]})
    [(made, _)] = between_neighbours(lambda _: torch.from_numpy(own), derive_seed(seed, "everywhere"), alone)
    return made.numpy()


def _everywhere(training: TrainingSet, label: int, where: str) -> str:
    return f"class {training.classes.names[label]!r}: no image is {where}; SMOTE draws from all of its images"


def _extended(filled: TrainingSet, made: Rows, label: int) -> TrainingSet:
    device = filled.labels.device
    images = torch.as_tensor(np.asarray(made, dtype=np.float32), device=device)
    return filled.extended(
        images.reshape(-1, *filled.images.shape[1:]), torch.full((len(made),), label, device=device)
    )


BORDERLINE_SMOTE = BalancerEntry(
    name="borderline_smote",
    settings=BorderlineSmote,
    summary="SMOTE from rare images whose neighbours are mostly of other classes",
    adds_images=True,
)
SAFE_LEVEL_SMOTE = BalancerEntry(
    name="safe_level_smote",
    settings=SafeLevelSmote,
    summary="SMOTE that favours regions with many neighbours of the class",
    adds_images=True,
)
