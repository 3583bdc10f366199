import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.gans.label_losses import (
    fake_class_loss,
    mismatched_label,
    real_class_loss,
    wrong_labels,
)
from gan_study.trainables.gans.random_streams import GeneratorStream
from gan_study.trainables.gans.variant import AdversarialStep, DiscriminatorOutput

# The classes of the rows have the probabilities (1/4, 3/4) and (1/2, 1/2).
CLASS_LOGITS = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]], dtype=torch.float64)


class LabelDiscriminator(nn.Module):
    """Log-odds of the label alone: label 0 seems real with 1/2, label 1 with 3/4."""

    def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput(logits=labels * math.log(3.0))


def step(labels: Tensor, *, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> AdversarialStep:
    images = torch.zeros(len(labels), 1, 2, 2)
    return AdversarialStep(
        discriminator=LabelDiscriminator(),
        real_images=images,
        fake_images=images,
        labels=labels,
        num_classes=2,
        real=real,
        fake=fake,
        random=GeneratorStream(torch.Generator().manual_seed(0)),
    )


def test_class_losses_by_hand() -> None:
    logits = torch.zeros(2)
    judged = step(
        torch.tensor([1, 0]),
        real=DiscriminatorOutput(logits=logits, class_logits=CLASS_LOGITS),
        fake=DiscriminatorOutput(logits=logits, class_logits=CLASS_LOGITS.flip(0)),
    )
    # Labels 1 and 0: probabilities 3/4 and 1/2 of the real images; 1/2 and 1/4 of the fake ones.
    real, fake = -(math.log(3 / 4) + math.log(1 / 2)) / 2, -(math.log(1 / 2) + math.log(1 / 4)) / 2
    assert real_class_loss(judged).item() == pytest.approx(real, abs=1e-12)
    assert fake_class_loss(judged).item() == pytest.approx(fake, abs=1e-12)


def test_mismatched_label_by_hand() -> None:
    nothing = DiscriminatorOutput(logits=torch.zeros(3))
    judged = step(torch.tensor([0, 0, 1]), real=nothing, fake=nothing)
    # Of two classes the other one: under labels 1, 1 and 0 they seem fake with 1/4, 1/4 and 1/2.
    expected = -(2 * math.log(1 / 4) + math.log(1 / 2)) / 3
    assert mismatched_label(judged).item() == pytest.approx(expected, abs=1e-6)


def test_of_one_class_nothing_is_mismatched() -> None:
    nothing = DiscriminatorOutput(logits=torch.zeros(2, dtype=torch.float64))
    judged = replace(step(torch.tensor([0, 0]), real=nothing, fake=nothing), num_classes=1)
    assert mismatched_label(judged).item() == 0


def test_wrong_labels_are_wrong_and_uniform() -> None:
    labels = torch.full((9000,), 2)
    drawn = wrong_labels(labels, 4, GeneratorStream(torch.Generator().manual_seed(0))).bincount(minlength=4)
    # 9,000 draws with p = 1/3: standard deviation 45.
    assert drawn[2] == 0
    assert all(abs(number - 3000) < 180 for number in (drawn[0], drawn[1], drawn[3]))
