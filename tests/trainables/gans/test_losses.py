import math

import pytest
import torch

from gan_study.trainables.gans.losses import CROSS_ENTROPY, HINGE, LEAST_SQUARES, RELATIVISTIC, WASSERSTEIN

REAL = torch.tensor([math.log(3.0), 0.0], dtype=torch.float64)
FAKE = torch.tensor([-math.log(3.0), math.log(3.0)], dtype=torch.float64)


def test_cross_entropy_by_hand() -> None:
    # s(log 3) = 3/4, s(0) = 1/2: the real images seem real with 3/4 and 1/2, the fake ones with 1/4 and 3/4.
    real = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    fake = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert CROSS_ENTROPY.discriminator(REAL, FAKE).item() == pytest.approx(real + fake, abs=1e-12)
    assert CROSS_ENTROPY.generator(REAL, FAKE).item() == pytest.approx(
        -(math.log(1 / 4) + math.log(3 / 4)) / 2, abs=1e-12
    )


def test_cross_entropy_is_that_of_torch() -> None:
    reference = torch.nn.functional.binary_cross_entropy_with_logits
    expected = reference(REAL, torch.ones_like(REAL)) + reference(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(CROSS_ENTROPY.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(CROSS_ENTROPY.generator(REAL, FAKE), reference(FAKE, torch.ones_like(FAKE)))


def test_wasserstein_by_hand() -> None:
    real, fake = torch.tensor([1.0, 4.0]), torch.tensor([-2.0, 1.0])
    assert WASSERSTEIN.discriminator(real, fake).item() == -3.0
    assert WASSERSTEIN.generator(real, fake).item() == 0.5


def test_hinge_by_hand() -> None:
    real, fake = torch.tensor([0.25, 3.0]), torch.tensor([-2.0, 1.0])
    # max(0, 1 - 0.25) and 0; 0 and max(0, 1 + 1).
    assert HINGE.discriminator(real, fake).item() == 0.375 + 1.0
    assert HINGE.generator(real, fake).item() == 0.5


def test_least_squares_by_hand() -> None:
    real, fake = torch.tensor([0.5, 3.0]), torch.tensor([-2.0, 1.0])
    # Real is coded 1 and fake 0: (0.25 + 4) / 2 and (4 + 1) / 2, half of their sum; the generator wants 1.
    assert LEAST_SQUARES.discriminator(real, fake).item() == (2.125 + 2.5) / 2
    assert LEAST_SQUARES.generator(real, fake).item() == (9 + 0) / 2 / 2


def test_least_squares_is_half_of_torchs_mean_squared_error() -> None:
    reference = torch.nn.functional.mse_loss
    expected = (reference(REAL, torch.ones_like(REAL)) + reference(FAKE, torch.zeros_like(FAKE))) / 2
    torch.testing.assert_close(LEAST_SQUARES.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(LEAST_SQUARES.generator(REAL, FAKE), reference(FAKE, torch.ones_like(FAKE)) / 2)


def test_relativistic_by_hand() -> None:
    # real - fake is log 9 and -log 3: the real one of each pair is the more real with 9/10 and with 1/4.
    assert RELATIVISTIC.discriminator(REAL, FAKE).item() == pytest.approx(
        -(math.log(9 / 10) + math.log(1 / 4)) / 2, abs=1e-12
    )
    assert RELATIVISTIC.generator(REAL, FAKE).item() == pytest.approx(
        -(math.log(1 / 10) + math.log(3 / 4)) / 2, abs=1e-12
    )


def test_relativistic_sees_differences_alone() -> None:
    torch.testing.assert_close(
        RELATIVISTIC.discriminator(REAL + 7, FAKE + 7), RELATIVISTIC.discriminator(REAL, FAKE)
    )
    torch.testing.assert_close(RELATIVISTIC.generator(REAL + 7, FAKE + 7), RELATIVISTIC.generator(REAL, FAKE))
