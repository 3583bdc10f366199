"""Trials of many images: what they hold, and that their numbers are those of few."""

import numpy as np
import pytest
import torch

from gan_study.trainables.balancing.methods.smote import between_neighbours, smote_request
from gan_study.trainables.base.seeding import random_state
from gan_study.trainables.data import byte_images
from gan_study.trainables.data.byte_images import ByteImages, ImageRows
from gan_study.trainables.data.images import Classes, LabeledImages, Loaded, real_set
from gan_study.trainables.gans.batched.stacked import train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import TrainingData, parse_gan_settings
from gan_study.trainables.records.arrays import to_bytes
from gan_study.trainables.trial.config import TrialConfig, parse_trial
from gan_study.trainables.trial.data import held_out, load_data
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

CPU = torch.device("cpu")
GAN = {"gan": {"generator_steps": 2, "batch_size": 8}}
BALANCINGS: dict[str, dict[str, object]] = {
    "none": {},
    "duplicates": {},
    "random_oversampling": {},
    "image_transforms": {},
    "rand_augment": {},
    "smote": {},
    "crt": {},
    "feature_smote": {},
    "real_upper_bound": {},
    "dcgan": GAN,
    "cgan": GAN,
    "vanilla_gan": {"gan": {"generator_steps": 250, "most_generator_steps": 500, "batch_size": 8}},
    "bagan": {"gan": {"generator_steps": 2, "batch_size": 8, "warm_start_epochs": 1}, "image_size": 8},
}


def config(balancing: str, pixels: int = 16, **evaluation: object) -> TrialConfig:
    return parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits", "image_size": pixels, "train_size": 500},
            "imbalance": {"profile": "step", "ratio": 4, "minority_classes": ["3", "8"]},
            "classifier": {"epochs": 1},
            "balancing": {"name": balancing, **BALANCINGS[balancing]},
            "evaluation": evaluation,
        }
    )


def outcome_of(trial: TrialConfig) -> TrialOutcome:
    *_, last = run_trial(trial, Purpose(phase="confirm"), device=CPU)
    assert isinstance(last, TrialOutcome)
    return last


def same_numbers(one: TrialOutcome, other: TrialOutcome) -> None:
    assert one.record.scores == other.record.scores
    timed = {"classifier/seconds", "gan/sampling_seconds", "gan/seconds"}
    first, second = ({name: each for name, each in of.arrays.items() if name not in timed} for of in (one, other))
    assert to_bytes(first) == to_bytes(second)


@pytest.mark.parametrize(
    "balancing", [pytest.param(name, marks=[pytest.mark.slow] * (name == "vanilla_gan")) for name in BALANCINGS]
)
def test_numbers_are_those_of_images_held_as_floats(balancing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    floats = outcome_of(config(balancing))
    monkeypatch.setattr(byte_images, "MOST_FLOAT_BYTES", 0)
    same_numbers(floats, outcome_of(config(balancing)))


@pytest.mark.slow
def test_generated_images_are_measured_as_those_held_as_floats_are(monkeypatch: pytest.MonkeyPatch) -> None:
    floats = outcome_of(config("cgan", 8, test=True))
    monkeypatch.setattr(byte_images, "MOST_FLOAT_BYTES", 0)
    same_numbers(floats, outcome_of(config("cgan", 8, test=True)))
    # Generated images as bytes too: other numbers, all of them there.
    monkeypatch.setattr(byte_images, "MOST_MADE_BYTES", 0)
    rounded = outcome_of(config("cgan", 8, test=True))
    assert rounded.arrays.keys() == floats.arrays.keys()


class _Source:
    """Noise in three classes; both parts are rows of the same pictures."""

    def __init__(self, number: int, size: int) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (number, 3, size, size), dtype=np.uint8)
        names = tuple(map(str, range(number)))
        whole = LabeledImages(
            images=pixels, labels=np.arange(number) % 3, class_names=("a", "b", "c"), digests=names, origins=names
        )
        every = np.arange(number)
        self.num_bytes = pixels.nbytes
        self.parts = [Loaded(images=whole.subset(rows)) for rows in (every[every % 4 > 0], every[::4])]

    def pool(self) -> Loaded:
        return self.parts[0]

    def test(self) -> Loaded:
        return self.parts[1]

    def test_class_counts(self) -> tuple[int, ...]:
        return self.parts[1].images.class_counts()


def test_a_trial_holds_hardly_any_bytes_of_its_own() -> None:
    """Not even those of its test set, and of the images that no balancer is given."""
    source = _Source(4000, 64)
    trial = parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits"},
            "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["c"]},
            "classifier": {},
            "balancing": {"name": "duplicates"},
            "evaluation": {"test": True},
        }
    )
    data = load_data(trial, source, CPU)
    (balanced,) = trial.balancing.balancer.balance(data.training, seed=1)
    sets = [data.training.images, data.validation.images, data.test.images, balanced.training.images]
    sets.append(held_out(data.parts, CPU).images)
    assert all(isinstance(each, ByteImages) for each in sets)
    assert sum(each.num_bytes for each in sets if isinstance(each, ByteImages)) < 0.01 * source.num_bytes
    assert all(isinstance(each.images, ImageRows) for each in (data.parts.training, data.parts.validation))


def test_several_gans_take_their_batches_from_bytes() -> None:
    """The losses and the generators of a stack are those of a stack of tensors."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 1, 8, 8), dtype=np.uint8)
    labels, rows = torch.arange(12) % 2, torch.arange(12)
    tensors = [byte_images.to_float(each, CPU) for each in pixels]
    views = [ByteImages(torch.from_numpy(each), rows) for each in pixels]
    variant = VARIANTS["cgan"]
    settings = parse_gan_settings(variant, {"generator_steps": 3, "batch_size": 4}, where="gan")

    def losses(sets: list[torch.Tensor] | list[ByteImages]) -> list[object]:
        data = [TrainingData(images=images, labels=labels, num_classes=2) for images in sets]
        *_, last = train_gans(variant, settings, data, seeds=[1, 2], at={3})
        return [each.losses for each in last]

    assert losses(views) == losses(tensors)


def test_smote_of_one_class_at_a_time_is_that_of_all() -> None:
    from imblearn.over_sampling import SMOTE

    values = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32)
    labels = np.repeat([0, 1, 2], [40, 14, 6])
    rows, of_rows = torch.from_numpy(values), torch.from_numpy(labels)
    wanted = {1: 9, 2: 21}
    training = real_set(rows[:, :, None, None], of_rows, Classes(names=("a", "b", "c"), minority=(1, 2)))
    request = smote_request(training, wanted, k_neighbors=5)
    found = list(between_neighbours(lambda label: rows[of_rows == label], 3, request))
    sampler = SMOTE(sampling_strategy={1: 23, 2: 27}, k_neighbors=5, random_state=random_state(3, 5))
    expected, expected_labels = sampler.fit_resample(values, labels)
    np.testing.assert_array_equal(np.concatenate([made for made, _ in found]), expected[60:])
    assert [label for made, label in found for _ in made] == expected_labels[60:].tolist()
