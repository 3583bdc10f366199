"""Terms that teach the labels: functions of one step that return a scalar, without their weight."""

from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from gan_study.trainables.gans.random_streams import RandomStream
from gan_study.trainables.gans.variant import AdversarialStep, DiscriminatorOutput


def real_class_loss(step: AdversarialStep) -> Tensor:
    """-log P(label | real image), the mean."""
    return _class_loss(step.real, step.labels)


def fake_class_loss(step: AdversarialStep) -> Tensor:
    """-log P(label | fake image), the mean, for the label of the generated image."""
    return _class_loss(step.fake, step.labels)


def mismatched_label(step: AdversarialStep) -> Tensor:
    """-log(1 - s(D(real image, another label))): a real image under a wrong label counts as fake.

    Reed et al. 2016, algorithm 1, for captions; Huang and Jafari 2021 for classes. The latter's code draws from
    all labels, including the right one; here the label is always wrong. 0 with only one class.
    """
    if step.num_classes == 1:
        return step.real.logits.new_zeros(())
    labels = wrong_labels(step.labels, step.num_classes, step.random)
    return softplus(step.discriminator(step.real_images, labels).logits).mean()


def wrong_labels(labels: Tensor, num_classes: int, random: RandomStream) -> Tensor:
    """For each of `labels` [N] one of the other labels, uniformly; needs at least two classes."""
    shift = random.integers(1, num_classes - 1, tuple(labels.shape))
    return (labels + shift) % num_classes


def _class_loss(output: DiscriminatorOutput, labels: Tensor) -> Tensor:
    assert output.class_logits is not None, "a class loss needs a discriminator that classifies"
    return cross_entropy(output.class_logits, labels)
