"""Finds pictures that are the same, or nearly: re-encoded, resized or slightly cropped copies of one another.

Three steps, each for the candidates of the one before: hashes that differ in few bits, found by bands; correlated
grey thumbnails; and a small shift and change of scale that maps one thumbnail to the other. The sums of the first
two steps are of whole numbers, so every machine finds the same pairs.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from gan_study.trainables.base.notes import LOOK_LIKE_TRAINING, MAY_LEAK
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.data.split import Together, units_of

Floats = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.int64]

_SIDE = 32
# Signs of the lowest frequencies of a thumbnail's cosine transform, as in pHash (Zauner 2010), here 64 without the
# mean. Two that differ in at most 7 are equal in one of 8 bands of 8 bits, whichever these are.
_NUM_BANDS, _BAND_BITS = 8, 8
_MOST_BITS_APART = _NUM_BANDS - 1
# Measured on MNIST, Fashion-MNIST and CIFAR-10 (10,000 test images each), 317 X-rays and 96 photographs. In the
# first three 0, 2 and 0 pairs are found, the 2 explained to 0.9996 and 0.9999; in the X-rays the 14 copies that
# are known, and 4 more. Of JPEGs of quality 50 and of copies half or twice as large all are found, of X-rays and
# of photographs; without 2 % of each side, half at either end, 100 % and 96 %; all at one end, 90 % and 68 %. Of
# small pictures 98 % and more of JPEGs of quality 75 are found, next to no crop, and no copy at half the size.
_LEAST_CORRELATION, _LEAST_EXPLAINED = 0.97, 0.99
_LEAST_CORRELATION_SMALL, _LEAST_EXPLAINED_SMALL = 0.985, 0.997
_SMALL_SIDE = 64
# In levels, on average. Of two garments of one cut small pictures differ in nothing but their shade.
_MOST_DIFFERENCE_SMALL = 4.0
# Thumbnails of less spread, in levels, are plain areas, whose copies are found by their pixels alone.
_LEAST_SPREAD = 4.0
_BLOCK = 1024
# The share of a test set from which on look-alikes may move accuracy by more than a point.
MANY_LOOK_ALIKES = 0.01


@dataclass(frozen=True, kw_only=True)
class Look:
    """A picture as 32 x 32 `greys`, whether it had only a few pixels, and the `digest` of these."""

    greys: Bytes
    is_small: bool
    digest: str


def look_of(pixels: Bytes, *, digest: str) -> Look:
    """The look of a picture with these pixels [H, W] or [H, W, 3]."""
    greys = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return Look(greys=np.asarray(greys), is_small=min(pixels.shape[:2]) < _SMALL_SIDE, digest=digest)


def similar_rows(looks: Sequence[Look | None]) -> list[list[int]]:
    """The rows of each set of pictures that are the same, or nearly, ascending; None looks like nothing.

    One that looks like two others puts all three into one set.
    """
    rows = np.array([row for row, each in enumerate(looks) if each is not None], dtype=np.int64)
    if not len(rows):
        return []
    known = [each for each in looks if each is not None]
    equal = [rows[each].tolist() for each in equal_rows([each.digest for each in known])]
    # Of copies one stands for all: of the same picture there may be thousands.
    firsts = np.sort(np.unique([each.digest for each in known], return_index=True)[1])
    pairs = [rows[firsts[pair]].tolist() for pair in similar_pairs([known[each] for each in firsts])]
    return equal_rows(units_of(len(looks), [*equal, *pairs]).tolist())


def look_alike_lines(
    alike: Sequence[Sequence[int]], together: Together, class_names: Sequence[str]
) -> Iterator[str]:
    """Notes on sets of pictures that look alike, and on classes in which they are split nevertheless."""
    if alike:
        sets = "1 set, which" if len(alike) == 1 else f"{len(alike):,} sets, each of which"
        yield (
            "images that look like another one, including copies: "
            f"{sum(map(len, alike)):,}, in {sets} "
            "stays on one side of every split (data.look_alikes)"
        )
    for label in together.dissolved:
        yield (
            f"class {class_names[label]!r}: too many of its images look alike, so these are split "
            "anyway; if they are copies, its scores are too high"
        )


def test_part_line(fraction: float, counts: Sequence[int], carved: Sequence[int], together: Together) -> str:
    """Which share of each class, of `counts` pictures, has become the test set, and how it was drawn."""
    if together.units is None:
        return f"the test set is {fraction:.0%} of each class, drawn by name only"
    shares = [of_test / number for of_test, number in zip(carved, counts, strict=True)]
    least, most = f"{min(shares):.0%}", f"{max(shares):.0%}"
    share = f"{least} of each class" if least == most else f"{least} to {most} of a class"
    asked = "" if least == most == f"{fraction:.0%}" else f", but data.test_fraction asks for {fraction:.0%}"
    return f"the test set is {share}{asked}, drawn without separating what belongs together"


def leak_notes(pool: Sequence[Look | None], test: Sequence[Look | None], *, has_groups: bool) -> tuple[str, ...]:
    """A note on the pictures of a given test set that look like a training picture; none without any."""
    leaked = {
        row for each in similar_rows([*pool, *test]) if each[0] < len(pool) for row in each if row >= len(pool)
    }
    if not leaked:
        return ()
    note = f"{LOOK_LIKE_TRAINING}: {len(leaked):,} of {len(test):,}"
    is_many = len(leaked) > MANY_LOOK_ALIKES * len(test)
    return (f"{note}{MAY_LEAK}" if is_many and not has_groups else note,)


def equal_rows(names: Sequence[Hashable]) -> list[list[int]]:
    """The rows of each name with two or more rows."""
    rows: dict[Hashable, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return [each for each in rows.values() if len(each) > 1]


def similar_pairs(looks: Sequence[Look]) -> Pairs:
    """Pairs [P, 2] of rows of `looks` [N] that look nearly the same, the lower row first.

    They connect every set of look-alikes, but not every two of its members: a scene may have a thousand frames.
    """
    greys = np.stack([each.greys for each in looks])
    is_small = np.array([each.is_small for each in looks])
    rows = np.flatnonzero(greys.std(axis=(1, 2)) >= _LEAST_SPREAD)
    found, sets = [np.empty((0, 2), dtype=np.int64)], np.arange(len(looks))
    for candidates in _candidates(_hashes(greys[rows]), rows):
        for start in range(0, len(candidates), _BLOCK):
            pairs = candidates[start : start + _BLOCK]
            pairs = pairs[sets[pairs[:, 0]] != sets[pairs[:, 1]]]
            if not len(pairs):
                continue
            alike = pairs[_are_alike(greys, pairs, is_small)]
            for one, other in alike:
                sets[sets == sets[other]] = sets[one]
            found.append(alike)
    return np.unique(np.concatenate(found), axis=0)


def _hashes(thumbnails: Bytes) -> npt.NDArray[np.uint64]:
    """64 bits each, one for the sign of each frequency."""
    steps = np.arange(_SIDE) + 0.5
    # Whole numbers, so that no sum depends on its order.
    basis = np.round(64 * np.cos(np.pi / _SIDE * np.outer(np.arange(11), steps)))
    lowest = sorted(((i, j) for i in range(11) for j in range(11)), key=lambda each: (sum(each), each))[1:65]
    down, across = np.array(lowest).T
    hashes = np.empty(len(thumbnails), dtype=np.uint64)
    for start in range(0, len(thumbnails), _BLOCK):
        block = thumbnails[start : start + _BLOCK].astype(np.float64)
        signs = (basis @ block @ basis.T)[:, down, across] > 0
        # Each band has low and high frequencies.
        mixed = signs.reshape(-1, _BAND_BITS, _NUM_BANDS).transpose(0, 2, 1).reshape(-1, 64)
        hashes[start : start + _BLOCK] = np.packbits(mixed, axis=1).view(">u8")[:, 0]
    return hashes


def _candidates(hashes: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]) -> Iterator[Pairs]:
    """Pairs of `rows` [N] whose `hashes` [N] differ in few bits."""
    for band in range(_NUM_BANDS):
        keys = _band(hashes, band)
        order = np.argsort(keys, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for start in range(0, len(bucket) - 1, _BLOCK):
                few = bucket[start : start + _BLOCK]
                apart = np.bitwise_count(hashes[few, None] ^ hashes[None, bucket[start:]])
                first, second = np.nonzero(apart <= _MOST_BITS_APART)
                later = second > first
                pairs = np.stack([few[first[later]], bucket[start:][second[later]]], axis=1)
                differ = hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]
                # Those that are equal in an earlier band too were found there.
                is_new = np.ones(len(pairs), dtype=np.bool_)
                for earlier in range(band):
                    is_new &= _band(differ, earlier) != 0
                yield np.sort(rows[pairs[is_new]], axis=1)


def _band(hashes: npt.NDArray[np.uint64], number: int) -> npt.NDArray[np.uint64]:
    return (hashes >> np.uint64(number * _BAND_BITS)) & np.uint64(2**_BAND_BITS - 1)


def _are_alike(greys: Bytes, pairs: Pairs, is_small: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether each of a few `pairs` [P, 2] of rows of `greys` [N, 32, 32] shows nearly the same."""
    found = np.zeros(len(pairs), dtype=np.bool_)
    few = is_small[pairs[:, 0]] | is_small[pairs[:, 1]]
    one, other = (_halved(greys[pairs[:, side]]).astype(np.float64) for side in (0, 1))
    least = np.where(few, _LEAST_CORRELATION_SMALL, _LEAST_CORRELATION)
    near = np.flatnonzero(_correlations(one, other) >= least)
    if len(near):
        one, other = (_blurred(greys[pairs[near, side]].astype(np.float64)) for side in (0, 1))
        explained = np.minimum(_explained(one, other), _explained(other, one))
        least = np.where(few[near], _LEAST_EXPLAINED_SMALL, _LEAST_EXPLAINED)
        differ = np.abs(one - other).mean(axis=(1, 2))
        found[near] = (explained >= least) & ((differ <= _MOST_DIFFERENCE_SMALL) | ~few[near])
    return found


def _correlations(one: Floats, other: Floats) -> Floats:
    """Pearson's correlation of each row of `one` [P, I] with that of `other` [P, I]."""

    def product(first: Floats, second: Floats) -> Floats:
        products: Floats = np.einsum("pi,pi->p", first, second)
        sums: Floats = first.sum(axis=1) * second.sum(axis=1)
        return len(first.T) * products - sums

    scale = np.sqrt(np.maximum(product(one, one) * product(other, other), 1e-9))
    correlations: Floats = product(one, other) / scale
    return correlations


def _explained(one: Floats, other: Floats) -> Floats:
    """How much of `other` [P, H, W] is `one` moved and stretched a little, brighter or darker: R squared.

    To first order the difference is a sum of the slopes, and of these times their place (Lucas and Kanade 1981).
    """
    down, across = np.gradient(one, axis=(1, 2))
    place = (np.arange(_SIDE) - (_SIDE - 1) / 2) / _SIDE
    parts = [one, across, down, across * place, down * place[:, None], np.ones_like(one)]
    made_of = np.stack([each.reshape(len(one), -1) for each in parts], axis=2)
    target = other.reshape(len(other), -1)
    # A slope of nothing explains nothing, and leaves the system with a solution.
    normal = np.einsum("pik,pil->pkl", made_of, made_of) + 1e-6 * np.eye(len(parts))
    weights = np.linalg.solve(normal, np.einsum("pik,pi->pk", made_of, target)[..., None])
    rest = target - np.einsum("pik,pk->pi", made_of, weights[..., 0])
    spread = target - target.mean(axis=1, keepdims=True)
    shares: Floats = np.einsum("pi,pi->p", rest, rest) / np.maximum(np.einsum("pi,pi->p", spread, spread), 1e-9)
    return 1 - shares


def _halved(greys: Bytes) -> npt.NDArray[np.int16]:
    """The sum of each two by two pixels of [N, H, W], as [N, H * W / 4]."""
    squares = greys.reshape(len(greys), _SIDE // 2, 2, _SIDE // 2, 2)
    sums: npt.NDArray[np.int16] = squares.sum(axis=(2, 4), dtype=np.int16)
    return sums.reshape(len(greys), -1)


def _blurred(images: Floats) -> Floats:
    """[P, H, W] without its finest detail, whose slopes no thumbnail has rightly: weights 1, 2, 1 either way."""
    for axis in (1, 2):
        wide = np.pad(images, [(0, 0)] + [(1, 1) if each == axis else (0, 0) for each in (1, 2)], mode="edge")
        before, here, after = (np.take(wide, np.arange(_SIDE) + shift, axis=axis) for shift in (0, 1, 2))
        images = (before + 2 * here + after) / 4
    return images
