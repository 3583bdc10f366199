"""What made images are worth, on scikit-learn's digits with two rare classes."""

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from gan_study.trainables.classifiers.classifier import (
    ClassifierConfig,
    EarlyStopping,
    FittedClassifier,
    PlateauRate,
)
from gan_study.trainables.data.images import TrainingSet, training_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.image_quality import extractor, judge
from gan_study.trainables.image_quality.class_quality import ClassQuality
from gan_study.trainables.image_quality.extractor import evenly_drawn
from gan_study.trainables.image_quality.features import DomainFeatures
from gan_study.trainables.image_quality.judge import (
    RealImages,
    ReferenceModels,
    draw_images,
    fit_reference_models,
    measure_images,
    reference_recall,
    repeat_images,
)
from gan_study.trainables.runtime.cache import FolderStore, State
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.data import TrialParts, held_out, prepare

CPU = torch.device("cpu")
RARE = (3, 8)


@pytest.fixture(scope="module", autouse=True)
def fewer_domain_steps():
    """What measures is trained for less than in a study, and still tells digits apart."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(extractor, "DOMAIN_STEPS", 150)
        yield


@cache
def digit_parts() -> TrialParts:
    trial = parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits", "image_size": 16},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]},
            "classifier": {},
            "balancing": {"name": "none"},
        }
    )
    return prepare(trial, image_source(trial.data))


@cache
def real() -> RealImages:
    parts = digit_parts()
    training = training_set(parts.training, parts.classes, CPU)
    return RealImages(training=training, held_out=held_out(parts, CPU), classifier=ClassifierConfig(epochs=3))


def measure(filled: TrainingSet, whose: RealImages, models: ReferenceModels) -> dict[str, ClassQuality]:
    """The quality of the images of each class that has some, by its name."""
    found = measure_images(filled, whose, models, seed=0)
    return {filled.classes.names[label]: each.quality for label, each in found.items()}


def quality(filled: TrainingSet):
    return measure(filled, real(), measured_by())


# So that each classifier that measures is trained once for all these tests.
STORE: dict[str, State] = {}


def measured_by(whose: RealImages | None = None, seed: int = 0) -> ReferenceModels:
    return fit_reference_models(whose or real(), digit_parts().pool, DomainFeatures(), STORE, seed=seed)


def filled_with(images: torch.Tensor, label: int) -> TrainingSet:
    return real().training.extended(images, torch.full((len(images),), label))


def test_held_out_images_are_rare_ones_that_were_not_trained_on() -> None:
    counts = real().held_out.class_counts()
    assert all((n > 0) == (label in RARE) for label, n in enumerate(counts))
    trained = {image.numpy().tobytes() for image in real().training.images}
    assert not any(image.numpy().tobytes() in trained for image in real().held_out.images)


def test_fresh_real_images_reach_the_floors() -> None:
    fresh = real().held_out.of_class(3)
    (found,) = quality(filled_with(fresh, 3)).values()
    assert found.flags == ()
    assert found.metrics["gan_test"] == found.metrics["gan_test_floor"] > 0.8
    # Trained on the very images that it is asked about.
    assert found.metrics["gan_train"] >= found.metrics["gan_train_floor"] > 0.5


def test_a_held_out_image_that_training_has_met_is_left_out() -> None:
    """Or else a generator that copies everything would be found to copy nothing."""
    parts = digit_parts()
    met = parts.training.digests[int(np.flatnonzero(parts.training.labels == 8)[0])]
    row = int(parts.held_back[parts.pool.labels[parts.held_back] == 8][0])
    digests = (*parts.pool.digests[:row], met, *parts.pool.digests[row + 1 :])
    with_twin = replace(parts, pool=replace(parts.pool, digests=digests))
    assert len(held_out(with_twin, CPU)) == len(held_out(parts, CPU)) - 1


def test_copies_are_found_where_training_images_repeat() -> None:
    training = real().training
    twice = replace(real(), training=training.extended(training.images, training.labels, synthetic=False))
    filled = twice.training.extended(training.of_class(8), torch.full((len(training.of_class(8)),), 8))
    models = measured_by(twice)
    (found,) = measure(filled, twice, models).values()
    assert "copies" in found.flags
    assert found.num_training == len(training.of_class(8))


def test_real_images_of_the_floor_are_as_many_as_the_generated_ones() -> None:
    numbers = [0, 0, 0, 70, 0, 0, 0, 0, 41, 0]
    counts = real().training.class_counts()
    floor = repeat_images(real().training, numbers, seed=0)
    assert floor.class_counts() == tuple(n or counts[label] for label, n in enumerate(numbers))
    times = Counter(image.numpy().tobytes() for image in floor.of_class(3))
    assert len(times) == min(70, counts[3])
    assert max(times.values()) - min(times.values()) <= 1


def test_the_floor_watches_no_validation_images() -> None:
    watching = ClassifierConfig(epochs=3, early_stopping=EarlyStopping(), schedule=PlateauRate())
    plain = real().recall(real().training, seed=0)
    assert replace(real(), classifier=watching).recall(real().training, seed=0) == plain


def test_copies_and_noise_are_found_out() -> None:
    copies = real().training.of_class(8).repeat(5, 1, 1, 1)
    (copied,) = quality(filled_with(copies, 8)).values()
    assert "copies" in copied.flags
    noise = torch.rand(100, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    (noisy,) = quality(filled_with(noise, 8)).values()
    assert noisy.metrics["gan_train"] < 0.2 < copied.metrics["gan_train"]
    assert noisy.metrics["kid"] > 10 * abs(noisy.metrics["kid_floor"])


def test_only_classes_that_have_made_images_are_judged() -> None:
    assert quality(real().training) == {}
    both = filled_with(real().held_out.of_class(3), 3).extended(torch.zeros(20, 1, 16, 16), torch.full((20,), 8))
    found = quality(both)
    assert set(found) == {"3", "8"}
    assert "collapsed" in found["8"].flags


def test_too_few_images_leave_a_reason() -> None:
    (found,) = quality(filled_with(torch.zeros(1, 1, 16, 16), 3)).values()
    assert found.metrics["fid"] is None
    assert "64 feature dimensions" in found.missing["fid"]


def test_without_held_out_images_recall_is_missing() -> None:
    nothing = replace(real(), held_out=real().held_out.take(torch.tensor([], dtype=torch.int64)))
    models = measured_by(nothing)
    found = measure(filled_with(torch.zeros(4, 1, 16, 16), 3), nothing, models)["3"]
    assert found.metrics["gan_train"] is found.metrics["gan_test_floor"] is None
    assert "held-out" in found.missing["gan_train"]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the classifiers that were really fitted; those that measure, for a few steps."""
    monkeypatch.setattr(extractor, "DOMAIN_STEPS", 5)
    seeds: list[int] = []
    for module in (extractor, judge):
        fitted = module.fit

        def counted(*arguments, fitted=fitted, **named):
            seeds.append(named["seed"])
            return fitted(*arguments, **named)

        monkeypatch.setattr(module, "fit", counted)
    return seeds


def test_what_measures_is_made_once_and_measures_the_same_when_it_is_read(tmp_path, fits: list[int]) -> None:
    """In another process, that is: nothing is remembered but in the folder."""
    filled = filled_with(real().held_out.of_class(3).repeat(4, 1, 1, 1), 3)
    found, fitted = [], []
    for _ in range(2):
        fits.clear()
        made = fit_reference_models(real(), digit_parts().pool, DomainFeatures(), FolderStore(tmp_path), seed=0)
        found.append(measure(filled, real(), made))
        fitted.append(len(fits))
    assert found[1] == found[0]
    # The domain's, the features', the floor's and GAN-train's; of these only the last is the images' own.
    assert fitted == [4, 1]


def test_what_measures_is_the_settings_own(tmp_path, fits: list[int]) -> None:
    """The features are the data set's: no setting, and no seed, has others."""
    store = FolderStore(tmp_path)
    pool, fewer = digit_parts().pool, replace(real(), training=real().training.take(torch.arange(900)))
    settings = [(real(), 0), (real(), 1), (fewer, 0)]
    made = [fit_reference_models(images, pool, DomainFeatures(), store, seed=seed) for images, seed in settings]
    assert len(fits) == 1 + len(settings)
    shown = real().held_out.images
    of_domain = [each.domain.probabilities(shown) for each in made]
    assert not any(torch.equal(one, other) for one, other in combinations(of_domain, 2))
    of_features = [each.features.probabilities(shown) for each in made]
    assert all(torch.equal(one, of_features[0]) for one in of_features)


@pytest.mark.parametrize(
    "change",
    [
        {"numbers": [0] * 9 + [300]},
        {"seed": 1},
        {"whose": {"training": 900}},
        {"whose": {"held_out": 10}},
        {"whose": {"classifier": {"epochs": 1}}},
        {"whose": {"classifier": {"precision": "bf16"}}},
    ],
    ids=str,
)
def test_the_floor_is_made_anew_where_anything_is_other(change, fits: list[int]) -> None:
    def other(name: str, value):
        part = getattr(real(), name)
        return replace(part, **value) if name == "classifier" else part.take(torch.arange(value))

    store: dict[str, State] = {}
    images = replace(real(), **{name: other(name, value) for name, value in change.get("whose", {}).items()})
    numbers, seed = change.get("numbers", [0] * 10), change.get("seed", 0)
    reference_recall(real(), [0] * 10, store, seed=0)
    found = reference_recall(images, numbers, store, seed=seed)
    assert (
        found
        == reference_recall(images, numbers, store, seed=seed)
        == reference_recall(images, numbers, {}, seed=seed)
    )
    assert len(fits) == 3


def test_features_are_learned_from_as_many_images_of_each_class() -> None:
    labels = np.array([2] * 50 + [0] * 3 + [7] * 20)
    rows = evenly_drawn(labels, 30, seed=0)
    assert Counter(labels[rows].tolist()) == {0: 3, 2: 10, 7: 10}
    assert list(rows) == sorted(set(rows))


def test_one_training_image_is_taken_to_be_copied() -> None:
    """Nothing else can come of it, and no metric could tell."""
    lone = real().training
    rows = torch.cat([torch.nonzero(lone.labels != 3).squeeze(1), torch.nonzero(lone.labels == 3)[0]])
    alone = replace(real(), training=lone.take(rows))
    noise = torch.rand(20, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    filled = alone.training.extended(noise, torch.full((20,), 3))
    (found,) = measure(filled, alone, measured_by()).values()
    assert found.num_training == 1 and found.flags == ("copies",)


def test_many_images_are_drawn_from_without_repeats() -> None:
    images = torch.arange(20.0)[:, None, None, None]
    some = draw_images(images, 5, seed=0)
    assert len(some.unique()) == 5
    assert torch.equal(draw_images(images[:5], 5, seed=0), images[:5])
    assert not torch.equal(draw_images(images, 5, seed=1), some)


def test_what_was_measured_with_is_said() -> None:
    filled = filled_with(real().held_out.of_class(3), 3)
    other = replace(
        measured_by(), features=FittedClassifier(body=nn.Flatten(), head=nn.Linear(256, 10)), kind="inception"
    )
    found = measure(filled, real(), other)["3"]
    assert found.features == "inception" and quality(filled)["3"].features == "domain"
    # Pixels are 256 features, more than there are images.
    assert found.metrics["fid"] is None and "256 feature dimensions" in found.missing["fid"]
    # Which class an image is of is always the domain's to say.
    assert found.metrics["gan_test"] == quality(filled)["3"].metrics["gan_test"]
