"""The quality of a generator's images of one class, compared with the scores of real images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.image_quality.copying import (
    Repeats,
    copied_share,
    expected_memorised_share,
    find_repeats,
    memorised_share,
    repeat_distance,
    repeated_share,
)
from gan_study.trainables.image_quality.distribution_metrics import (
    NEIGHBOURS,
    ManifoldScores,
    expected_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    manifold_scores,
)
from gan_study.trainables.image_quality.memorisation import Memorisation, measure_memorisation, share_interval
from gan_study.trainables.image_quality.ssim import Sample, float_rows, mean_nearest_ssim, mean_pairwise_ssim

# Seen on scikit-learn's digits, MNIST and chest X-rays, 20 to 600 training images of a class, in pixels and in a
# CNN's features: of fresh real images up to 0.12 are memorised but no more than 0.05 copied; of averages of two or
# five training images up to 0.72 and 0.08. Of copies all are memorised, and 0.88 copied where some of the training
# images are double.
COPIES_SHARE = 0.25
# As many pairs show the same where a generator makes five images in turn. Seen as above: fresh real images 0.02 at
# most, images of 0.6 times the real spread 0.10, of 0.3 times that (nearly one image, to the eye) 0.2 to 0.6.
COLLAPSED_SHARE = 0.2
ONE_SOURCE = ("copies",)

# What can be wrong with synthetic data, each in [0, 1] and 0 at best. The questions are those of cleanlab's scores
# for synthetic data (unrealistic, unvaried, unoriginal, unrepresentative); the measures are the ones above.
SYNTHETIC_SCORES = ("unrealistic", "unvaried", "memorised", "underrepresented")

# By name; None with too few images.
Metrics: TypeAlias = dict[str, float | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSample:
    """Images [N, C, H, W] in [-1, 1], and features [N, D] of the same images. N may be 0."""

    images: Sample
    features: npt.NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.features)

    def sample(self, num_images: int, *, seed: int) -> "ImageSample":
        """This many of the images, drawn at random without replacement; all of them, in order, if there are too
        few.
        """
        if num_images >= len(self):
            return self
        chosen = numpy_generator(seed, "sample of images").choice(len(self), size=num_images, replace=False)
        return ImageSample(images=self.at(chosen), features=self.features[chosen])

    def at(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        """The images at `rows`."""
        return float_rows(self.images, rows)


@dataclass(frozen=True, kw_only=True)
class ClassQuality:
    """The quality of the generated images of one class."""

    metrics: Mapping[str, float | None]
    """By name, as `class_quality` has them; None with too few images."""
    missing: Mapping[str, str]
    """What each metric that is None would need."""
    num_generated: int
    """Generated images compared."""
    num_training: int
    """Training images compared."""
    num_held_out: int
    """Held-out real images compared."""
    flags: tuple[str, ...]
    """As `quality_flags` has them."""
    memorisation: Memorisation
    """The tests of copies and of membership."""
    num_distinct: int
    """Distinct images among the generated ones that were compared."""
    intervals: Mapping[str, tuple[float, float]]
    """The 95 % intervals of the metrics that have one."""
    features: str = "domain"
    """Whose features were used to compare the images."""


def class_quality(
    *,
    generated: ImageSample,
    training: ImageSample,
    held_out: ImageSample,
    probabilities: npt.NDArray[np.floating] | None = None,
    seed: int,
) -> ClassQuality:
    """The quality of the generated images of one class, and the scores of real images for comparison.

    `training` are the real images of the class that the generator was trained on, `held_out` others of the class
    that it has not seen. Each metric compares with the training images, and `<metric>_floor`, if it exists, is the
    real-image reference: the score of held-out images or, for metrics within one set (ssim_between,
    repeated_share), of the training images. A generator whose images cannot be distinguished from real ones has
    about the reference score; one that copies its training images beats it.

    fid, kid, precision, recall, density, coverage: `distribution_metrics`. memorised_share, copied_share,
    repeated_share: `copying`. membership_auc: `memorisation`. unrealistic, unvaried, memorised, underrepresented:
    see SYNTHETIC_SCORES and `_synthetic_scores`. ssim_between, ssim_nearest: SSIM of generated images to one
    another and to their nearest training image. inception_score: of `probabilities` [N, K] that a classifier gives
    the generated images; left out if there are none. A metric is None if there are too few images for it, and
    `missing` says how many it needs. `flags` are those of `quality_flags`; images made from a single training
    image count as copies of it, since no metric can tell.
    """
    memorisation = measure_memorisation(generated.features, training.features, held_out.features, seed=seed)
    near = repeat_distance(training.features, seed=seed)
    distinct = {
        "generated": find_repeats(generated.features, nearer_than=near).num_distinct,
        "training": find_repeats(training.features, nearer_than=near).num_distinct,
    }
    metrics = _metrics(generated, training, held_out, seed=seed)
    metrics["membership_auc"] = memorisation.membership.auc if memorisation.membership else None
    metrics |= _synthetic_scores(metrics, generated, training, held_out, distinct)
    if probabilities is not None:
        metrics["inception_score"] = inception_score(probabilities)
    return ClassQuality(
        metrics=metrics,
        missing=_missing(metrics, generated, training, held_out),
        num_generated=len(generated),
        num_training=len(training),
        num_held_out=len(held_out),
        flags=ONE_SOURCE if len(training) == 1 and len(generated) else quality_flags(metrics),
        memorisation=memorisation,
        num_distinct=distinct["generated"],
        intervals=_intervals(metrics, memorisation, {"copied_share": generated, "copied_share_floor": held_out}),
    )


def quality_flags(metrics: Mapping[str, float | None]) -> tuple[str, ...]:
    """The problems of a generator, from its metrics as `class_quality` names them: "copies", "collapsed".

    "copies": at least a quarter of its images are memorised, and as many copied, so that neither averages of
    training images nor a chance neighbour count. "collapsed": more pairs of its images than of training images
    show the same image, by as much as if it made at most five; the images must also be more similar by SSIM than
    training images are, since a classifier may also find noise all the same. A metric that is None raises no flag.
    """

    def reaches(name: str, threshold: float, reference: float | None = 0.0) -> bool:
        value = metrics[name]
        return value is not None and reference is not None and value - reference >= threshold

    flags = {
        "copies": reaches("memorised_share", COPIES_SHARE) and reaches("copied_share", COPIES_SHARE),
        "collapsed": reaches("repeated_share", COLLAPSED_SHARE, metrics["repeated_share_floor"])
        and reaches("ssim_between", 0.0, metrics["ssim_between_floor"]),
    }
    return tuple(name for name, raised in flags.items() if raised)


def has_collapsed(made: Repeats, real: Repeats) -> bool:
    """Whether so many pairs of the images `made` show the same image that at most five may be different."""
    return made.share - real.share >= COLLAPSED_SHARE


def _metrics(generated: ImageSample, training: ImageSample, held_out: ImageSample, *, seed: int) -> Metrics:
    # FID falls with the number of images, so it and its reference are taken from equally many.
    equal = min(len(generated), len(held_out))
    fid_floor = frechet_distance(held_out.sample(equal, seed=seed).features, training.features)
    compared = generated if fid_floor is None else generated.sample(equal, seed=seed)
    manifold = manifold_scores(training.features, generated.features)
    return {
        "fid": frechet_distance(compared.features, training.features),
        "fid_floor": fid_floor,
        "kid": kernel_distance(training.features, generated.features),
        "kid_floor": kernel_distance(training.features, held_out.features),
        **(manifold._asdict() if manifold else dict.fromkeys(ManifoldScores._fields)),
        "memorised_share": memorised_share(generated.features, training.features, held_out.features),
        "memorised_share_floor": expected_memorised_share(len(held_out)),
        "copied_share": copied_share(generated.features, training.features),
        "copied_share_floor": copied_share(held_out.features, training.features),
        "ssim_nearest": mean_nearest_ssim(generated.images, training.images),
        "ssim_nearest_floor": mean_nearest_ssim(held_out.images, training.images),
        "repeated_share": repeated_share(generated.features, training.features, seed=seed),
        "repeated_share_floor": repeated_share(training.features, training.features, seed=seed),
        "ssim_between": mean_pairwise_ssim(generated.images, seed=seed),
        "ssim_between_floor": mean_pairwise_ssim(training.images, seed=seed),
    }


def _synthetic_scores(
    metrics: Metrics,
    generated: ImageSample,
    training: ImageSample,
    held_out: ImageSample,
    distinct: Mapping[str, int],
) -> Metrics:
    """What is wrong with the images, each in [0, 1] and 0 at best, with what real images have in their place.

    unrealistic: the share that lie among no training images (1 - precision). unvaried: the share that repeat an
    earlier one. memorised: the share that copy a training image. underrepresented: the share of training images
    that have no generated one near them (1 - coverage).
    """
    real = manifold_scores(training.features, held_out.features)
    covered = expected_coverage(len(training), len(generated))
    return {
        "unrealistic": _rest(metrics["precision"]),
        "unrealistic_floor": _rest(real.precision) if real else None,
        "unvaried": _rest(distinct["generated"] / len(generated)) if len(generated) else None,
        "unvaried_floor": _rest(distinct["training"] / len(training)) if len(training) else None,
        "memorised": metrics["copied_share"],
        "memorised_floor": metrics["copied_share_floor"],
        "underrepresented": _rest(metrics["coverage"]),
        "underrepresented_floor": _rest(covered),
    }


def _rest(share: float | None) -> float | None:
    return None if share is None else 1 - share


def _intervals(
    metrics: Metrics, memorisation: Memorisation, copied_of: Mapping[str, ImageSample]
) -> dict[str, tuple[float, float]]:
    """The intervals of the metrics that have one; `copied_of` has the images that each copied share is of."""
    found = {
        name: share_interval(round(share * len(images)), len(images))
        for name, images in copied_of.items()
        if (share := metrics[name]) is not None
    }
    membership = memorisation.membership
    return found if membership is None else {**found, "membership_auc": (membership.low, membership.high)}


def _missing(
    metrics: Mapping[str, float | None], generated: ImageSample, training: ImageSample, held_out: ImageSample
) -> dict[str, str]:
    """For each metric that is None, what it needs and what there is."""
    dimensions = training.features.shape[1]
    each_more = f"more than {NEIGHBOURS} generated and training images each"
    needs = {
        "fid": f"more generated and more training images than the {dimensions} feature dimensions",
        "fid_floor": f"more generated, training and held-out images than the {dimensions} feature dimensions",
        "kid": "two generated and two training images",
        "kid_floor": "two training and two held-out images",
        **dict.fromkeys(ManifoldScores._fields, each_more),
        "inception_score": "a generated image",
        "memorised_share": "a generated, a training and a held-out image",
        "memorised_share_floor": "a held-out image",
        "copied_share": "a generated and two training images",
        "copied_share_floor": "two training images and a held-out one",
        "membership_auc": "a generated, a training and a held-out image",
        "unrealistic": each_more,
        "unrealistic_floor": f"more than {NEIGHBOURS} training and held-out images each",
        "unvaried": "a generated image",
        "unvaried_floor": "a training image",
        "memorised": "a generated and two training images",
        "memorised_floor": "two training images and a held-out one",
        **dict.fromkeys(("underrepresented", "underrepresented_floor"), each_more),
        "ssim_nearest": "a generated and a training image",
        "ssim_nearest_floor": "a training and a held-out image",
        "repeated_share": "two generated and two training images",
        "repeated_share_floor": "two training images",
        "ssim_between": "two generated images",
        "ssim_between_floor": "two training images",
    }
    found = f"there are {len(generated)} generated, {len(training)} training and {len(held_out)} held-out images"
    return {name: f"needs {needs[name]}; {found}" for name, value in metrics.items() if value is None}
