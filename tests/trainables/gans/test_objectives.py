import math

import pytest
import torch

from trainables.gans.objectives import CROSS_ENTROPY, WASSERSTEIN

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
