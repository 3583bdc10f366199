import pytest
import torch
from torch import nn

from gan_study.trainables.base.settings import ConfigError, dump, parse
from gan_study.trainables.classifiers.classifier import (
    Adam,
    ClassifierConfig,
    ConstantRate,
    EarlyStopping,
    PlateauRate,
    Sgd,
    StepRate,
    best_epoch,
)


def test_ldams_schedule():
    """Cao et al. 2019: five epochs of warm-up, a hundredth after epoch 160, a ten-thousandth after 180."""
    schedule = StepRate(warmup_epochs=5, factors={160: 0.01, 180: 0.0001})
    rates = {epoch: 0.1 * schedule.rate_factor(epoch, ()) for epoch in (1, 2, 5, 6, 160, 161, 180, 181, 200)}
    expected = {1: 0.02, 2: 0.04, 5: 0.1, 6: 0.1, 160: 0.1, 161: 1e-3, 180: 1e-3, 181: 1e-5, 200: 1e-5}
    assert rates == pytest.approx(expected)


def test_a_constant_rate_is_constant():
    assert {ConstantRate().rate_factor(epoch, [1.0] * epoch) for epoch in range(1, 30)} == {1.0}


@pytest.mark.parametrize(
    ("losses", "plateaus"),
    [
        ([], 0),
        ([3.0, 2.0, 1.0], 0),
        ([1.0, 2.0], 0),
        ([1.0, 2.0, 1.0], 1),
        # A new low in between begins the wait anew.
        ([1.0, 2.0, 0.5, 2.0], 0),
        ([1.0, 2.0, 2.0, 2.0, 2.0], 2),
    ],
)
def test_the_rate_falls_after_two_epochs_without_a_new_low(losses, plateaus):
    schedule = PlateauRate(factor=0.5, patience=2)
    assert schedule.rate_factor(len(losses) + 1, losses) == 0.5**plateaus


def test_early_stopping_waits_for_its_patience():
    stopping = EarlyStopping(patience=2)
    assert not stopping.is_over([1.0, 2.0])
    assert stopping.is_over([1.0, 2.0, 1.0])
    assert not stopping.is_over([1.0, 2.0, 0.9])


def test_the_first_lowest_epoch_is_the_best():
    assert best_epoch([3.0, 1.0, 2.0, 1.0]) == 1


def test_one_step_of_sgd_by_hand():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimiser = Sgd(momentum=0.9, weight_decay=0.1).optimiser([weight], 0.5)
    for expected in (2.0 - 0.5 * (1 + 0.2), None):
        weight.grad = torch.tensor([1.0])
        optimiser.step()
        if expected is not None:
            assert weight.item() == pytest.approx(expected)
    # The second step goes along 0.9 times the first direction as well: 1.4 - 0.5 (0.9 * 1.2 + 1 + 0.14).
    assert weight.item() == pytest.approx(1.4 - 0.5 * (0.9 * 1.2 + 1.14))


def test_adam_decays_weights_as_asked():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimiser = Adam(weight_decay=0.1).optimiser([weight], 0.5)
    weight.grad = torch.tensor([0.0])
    optimiser.step()
    # Adam's first step is the rate, whatever the gradient's size: here 0.1 * 2 from the decay alone.
    assert weight.item() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimiser": {"kind": "sdg"}}, "optimiser: "),
        ({"optimiser": {"kind": "sgd", "momentm": 1}}, "optimiser.momentm: unknown key; did you mean 'momentum'?"),
        ({"schedule": {"kind": "steps", "factors": {"0": 0.1}}}, "schedule.factors"),
        ({"schedule": {"kind": "plateau", "patience": 0}}, "schedule.patience: 0 cannot be used"),
        ({"early_stopping": {"patience": 0}}, "early_stopping.patience: 0 cannot be used"),
        ({"augmentation": {"zom": 1}}, "augmentation.zom: unknown key; did you mean 'zoom'?"),
    ],
)
def test_mistakes_are_named_in_one_line(given, message):
    with pytest.raises(ConfigError) as error:
        parse(ClassifierConfig, given, where="classifier")
    assert str(error.value).startswith(f"classifier.{message}")
    assert "\n" not in str(error.value)


def test_settings_survive_a_dump():
    given = {
        "optimiser": {"kind": "sgd", "weight_decay": 2e-4},
        "schedule": {"kind": "steps", "warmup_epochs": 5, "factors": {160: 0.01}},
        "early_stopping": {"patience": 3},
    }
    config = parse(ClassifierConfig, given, where="")
    assert parse(ClassifierConfig, dump(config), where="") == config
