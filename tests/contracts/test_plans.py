"""What every simple balancer keeps to once a classifier is fitted to what it gives."""

import numpy as np
import pytest
import torch

from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.loss_plans import PLAIN
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.data.images import Classes, TrainingSet
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial
from tests.contracts.test_trials import CPU, MEASURING, outcome
from tests.members import each
from tests.outcomes import view

pytestmark = pytest.mark.usefixtures("few_domain_steps")

SIMPLE = tuple(name for name, entry in BALANCERS.items() if not entry.trains_generator)


# Which value changes something, where a setting is a limit: here a class has five times as many images.
OTHER_SIDE = {("remix", "kappa"): 6.0}


def changed_values(value):
    """Values that a setting may have in place of its default, the nearest kind first."""
    return (value / 2, value + 0.5) if isinstance(value, float) else (value // 2, value + 1)


def changed_setting(name, path):
    """A configuration of the balancer `name` in which one setting is not its default."""
    default = parse_balancing({"name": name}).dump()
    beyond = OTHER_SIDE.get((name, path))
    for value in changed_values(default[path]) if beyond is None else (beyond,):
        changed = {**default, path: value}
        try:
            if parse_balancing(changed).dump() != default:
                return changed
        except ConfigError:
            continue
    raise AssertionError(f"{name}.{path}: no other value than {default[path]!r} is allowed")


def probabilities(balancing):
    config = parse_trial(
        {
            "seed": 5,
            "data": {"name": "digits", "image_size": 16, "train_size": 400},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]},
            "classifier": {"epochs": 1},
            "balancing": balancing,
        }
    )
    *_, last = run_trial(config, Purpose(phase="search"), device=CPU, store=MEASURING)
    return last.arrays["validation/probabilities"][0]


@pytest.mark.parametrize(
    ("name", "path"),
    [pair for name in SIMPLE for path in sorted(BALANCERS[name].setting_paths) for pair in each([name], path)],
)
def test_every_setting_changes_what_is_predicted(name, path):
    default = outcome(name).arrays["validation/probabilities"][0]
    assert not np.allclose(probabilities(changed_setting(name, path)), default, atol=1e-6)


@pytest.fixture
def hardly_any():
    """Twelve, four, two and no images, each class bright in rows of its own; the smaller two are the minority."""
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor([12, 4, 2]))
    images = 0.2 * torch.randn(18, 1, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.6
    for row, label in enumerate(labels):
        images[row, 0, 4 * label : 4 * label + 4] += 1
    return TrainingSet(
        images=images.clamp(-1, 1),
        labels=labels,
        weights=torch.ones(18),
        synthetic=torch.zeros(18, dtype=torch.bool),
        classes=Classes(names=("many", "some", "few", "none at all"), minority=(1, 2)),
    )


@pytest.mark.parametrize("name", each(SIMPLE))
def test_hardly_any_images_or_none_at_all_give_a_classifier(name, hardly_any):
    *_, balanced = parse_balancing({"name": name}).balancer.balance(hardly_any, seed=1)
    fitted = fit(ClassifierConfig(batch_size=8), balanced.training, steps=60, seed=1, plan=balanced.plan)
    predicted = fitted.probabilities(hardly_any.images)
    assert torch.allclose(predicted.sum(dim=1), torch.ones(18))
    # A class without images is not predicted.
    assert (predicted.argmax(dim=1) != 3).all()


@pytest.mark.parametrize("name", each(SIMPLE))
def test_one_plan_fits_the_same_classifier_twice(name, hardly_any):
    *_, balanced = parse_balancing({"name": name}).balancer.balance(hardly_any, seed=1)
    first, second = (
        fit(ClassifierConfig(batch_size=8), balanced.training, steps=10, seed=1, plan=balanced.plan)
        for _ in range(2)
    )
    assert torch.equal(first.probabilities(hardly_any.images), second.probabilities(hardly_any.images))


@pytest.mark.parametrize("name", each(SIMPLE))
def test_every_balancer_but_none_asks_for_something(name, hardly_any):
    *_, balanced = parse_balancing({"name": name}).balancer.balance(hardly_any, seed=1)
    asks_for_something = (
        balanced.plan != PLAIN
        or bool(balanced.wanted)
        or len(balanced.training) != len(hardly_any)
        or not torch.equal(balanced.training.weights, hardly_any.weights)
    )
    assert asks_for_something == (name != "none")


def test_the_upper_bound_is_granted_real_images():
    counts = view(outcome("real_upper_bound")).class_counts
    assert all(counts.balanced[label] == max(counts.training) for label in (3, 8))
    assert sum(counts.synthetic) == 0
    assert not any("were wanted" in note for note in outcome("real_upper_bound").record.notes)
