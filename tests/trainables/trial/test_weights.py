"""Weights of real images: from a column of the table of labels to the loss of the classifier."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.balancing.copies import with_copies
from gan_study.trainables.classifiers.loss_plans import FittingStep
from gan_study.trainables.data.fingerprint import take_fingerprint
from gan_study.trainables.data.images import Classes, TrainingSet, real_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.trial.config import TrialConfig, parse_trial
from gan_study.trainables.trial.data import add_held_back, load_data
from gan_study.trainables.trial.run import fit_classifier

CPU = torch.device("cpu")
# Of each class a fifth validates, so that 13 cats and 6 dogs are trained on.
NUMBERS = {"cat": 16, "dog": 8}
CAT, DOG = 1.0, 3.0
# The mean of their weights is brought to 1.
SCALE = 19 / (13 * CAT + 6 * DOG)


def write_table(root: Path, *, cat: float = CAT, dog: float = DOG) -> Path:
    random, rows, weights = np.random.default_rng(0), ["path,label,split,weight"], {"cat": cat, "dog": dog}
    for part in ("train", "test"):
        for name, number in NUMBERS.items():
            for i in range(number):
                file = f"{part}_{name}_{i}.png"
                Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(root / file)
                # Nobody needs to weight what is tested.
                rows.append(f"{file},{name},{part},{weights[name] if part == 'train' else ''}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root / "labels.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("weighted"))


def trial(table: Path, name: str = "none", *, ratio: float | None = None, **settings: object) -> TrialConfig:
    imbalance = (
        {"profile": "step", "ratio": ratio, "minority_classes": ["dog"]} if ratio else {"profile": "natural"}
    )
    return parse_trial(
        {
            "seed": 1,
            "data": {"name": "imagefolder", "root": str(table), "image_size": 8},
            "imbalance": imbalance,
            "classifier": {"name": "mlp", "epochs": 1, "batch_size": 8},
            "balancing": {"name": name, **settings},
        }
    )


def training_of(config: TrialConfig) -> TrainingSet:
    return load_data(config, image_source(config.data), CPU).training


def balanced(table: Path, name: str, **settings: object) -> BalancedSet:
    config = trial(table, name, **settings)
    *_, last = config.balancing.balancer.balance(training_of(config), seed=1)
    return last


def totals(training: TrainingSet) -> list[float]:
    """The weights of each class in sum."""
    return list(training.weighted_class_counts())


def loss_of(found: BalancedSet) -> float:
    """The plan's loss where logits say "cat", at odds of 3 to 1, whatever the image."""
    training = found.training
    logits = torch.tensor([math.log(3), 0.0]).expand(len(training), 2)
    step = FittingStep(logits=logits, targets=training.labels, weights=training.weights, progress=0.0)
    return found.plan.loss(step).item()


def test_the_loss_of_weighted_images_is_the_one_worked_by_hand(table: Path) -> None:
    found = balanced(table, "none")
    assert found.training.class_counts() == (13, 6)
    assert totals(found.training) == pytest.approx([13 * CAT * SCALE, 6 * DOG * SCALE])
    # Three of four are said to be cats: log(4 / 3) for each cat, log 4 for each dog.
    by_hand = (13 * CAT * math.log(4 / 3) + 6 * DOG * math.log(4)) / (13 * CAT + 6 * DOG)
    assert by_hand == pytest.approx(0.92557, abs=1e-4)
    assert loss_of(found) == pytest.approx(by_hand, rel=1e-6)


def test_a_classifier_is_another_one_by_its_weights_and_not_by_their_scale(table: Path, tmp_path: Path) -> None:
    def probabilities(table: Path) -> torch.Tensor:
        config = trial(table)
        data = load_data(config, image_source(config.data), CPU)
        fitted = fit_classifier(config, BalancedSet(training=data.training), data.validation, unbalanced_size=19)
        return fitted.probabilities(data.validation.images)

    for name in ("alike", "in tens"):
        (tmp_path / name).mkdir()
    alike = write_table(tmp_path / "alike", cat=1, dog=1)
    in_tens = write_table(tmp_path / "in tens", cat=10 * CAT, dog=10 * DOG)
    torch.testing.assert_close(probabilities(in_tens), probabilities(table))
    assert (probabilities(alike) - probabilities(table)).abs().max() > 0.01


# A class that is filled to 13 images weighs as 13 of its real ones, whatever they are filled with.
FILLED = [13 * CAT * SCALE, 13 * DOG * SCALE]
TOTALS = {
    "random_oversampling": FILLED,
    "duplicates": FILLED,
    "image_transforms": FILLED,
    "smote": FILLED,
    "mixup": [13 * CAT * SCALE, 6 * DOG * SCALE],
    "random_undersampling": [6 * CAT * SCALE, 6 * DOG * SCALE],
    # N / K each.
    "class_weights": [9.5, 9.5],
}


@pytest.mark.parametrize("name", TOTALS)
def test_classes_weigh_what_was_worked_by_hand(name: str, table: Path) -> None:
    assert totals(balanced(table, name).training) == pytest.approx(TOTALS[name], rel=1e-5)


GAN = {"gan": {"generator_steps": 2, "batch_size": 4, "latent_size": 4}}


@pytest.mark.parametrize(("share", "plan"), [(1.0, "none"), (0.5, "none"), (0.5, "class_weights")])
def test_generated_images_weigh_as_the_real_ones_of_their_class(share: float, plan: str, table: Path) -> None:
    filled = balanced(table, "dcgan", synthetic_weight=share, plan=plan, **GAN).training
    dogs = (6 + share * 7) * DOG
    expected = [13 * CAT * SCALE, dogs * SCALE] if plan == "none" else [(13 * CAT + dogs) * SCALE / 2] * 2
    assert totals(filled) == pytest.approx(expected, rel=1e-5)


def test_class_sizes_in_losses_are_weighted(table: Path) -> None:
    plan = balanced(table, "threshold_moving").plan
    assert plan.log_adjustment == pytest.approx([-math.log(13 / 31), -math.log(18 / 31)], rel=1e-6)


@pytest.mark.parametrize("name", ["crt", "feature_smote"])
def test_second_stages_count_weights(name: str, table: Path) -> None:
    found = balanced(table, name)
    stage, training = found.plan.head_stage, found.training
    assert stage is not None
    _, labels, weights = stage.rebalance(torch.rand(19, 3), training.labels, training.weights, 0)
    sums = labels.bincount(weights.double()).tolist()
    assert labels.bincount().tolist() == [13, 13]
    # cRT makes classes alike; SMOTE adds rows that weigh as those of their class.
    assert sums == pytest.approx([13, 13] if name == "crt" else FILLED, rel=1e-5)


def test_images_that_were_held_back_keep_their_weights(table: Path) -> None:
    config = trial(table, "real_upper_bound", ratio=4)
    data = load_data(config, image_source(config.data), CPU)
    (wants,) = config.balancing.balancer.balance(data.training, seed=1)
    granted = add_held_back(wants, data.parts, seed=1).training
    # A dog weighs three times as much as a cat on any scale.
    of_dogs, of_cats = (granted.weights[granted.labels == label] for label in (1, 0))
    assert len(of_dogs) > data.training.class_counts()[1]
    torch.testing.assert_close(of_dogs / of_cats[0], torch.full_like(of_dogs, DOG / CAT))


def test_weights_are_data(table: Path, tmp_path: Path) -> None:
    config = trial(write_table(tmp_path)).data
    before = take_fingerprint(config)
    text = (tmp_path / "labels.csv").read_text()
    (tmp_path / "labels.csv").write_text(text.replace("dog,train,3.0", "dog,train,2.0"))
    assert take_fingerprint(config).pool_digest != before.pool_digest


def test_copies_and_new_images_of_a_class_of_several_weights() -> None:
    """Of the dogs one weighs 2 and one 6: a copy weighs as its original, and a new image 4."""
    training = real_set(
        torch.zeros(4, 1, 8, 8), torch.tensor([0, 0, 1, 1]), Classes(names=("cat", "dog"), minority=(1,))
    )
    training.weights[:] = torch.tensor([1.0, 1.0, 2.0, 6.0])
    copied = with_copies(training, {1: 2}, seed=0)
    assert sorted(copied.weights[4:].tolist()) == [2.0, 6.0]
    grown = training.extended(torch.zeros(2, 1, 8, 8), torch.tensor([1, 0]))
    assert grown.weights[4:].tolist() == [4.0, 1.0]
    # Those that were made before say nothing of those that are made next.
    again = grown.extended(torch.zeros(1, 1, 8, 8), torch.tensor([1]))
    assert again.weights[-1] == 4.0
