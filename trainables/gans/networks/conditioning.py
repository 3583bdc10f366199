"""Class-conditional layers around a body that takes one argument: networks that get the class, or predict it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.gans.variant import DiscriminatorOutput, Output


class ConcatenateLabels(nn.Module):
    """`body` of the flattened input, followed by a learned vector of `label_size` values for its label."""

    def __init__(self, body: nn.Module, *, num_classes: int, label_size: int) -> None:
        super().__init__()
        self.body = body
        self.embedding = nn.Embedding(num_classes, label_size)

    def forward(self, inputs: Tensor, labels: Tensor) -> Output:
        """The output of `body` for the inputs [N, ...] and labels [N]."""
        outputs: Output = self.body(torch.cat([inputs.flatten(1), self.embedding(labels)], dim=1))
        return outputs


class StackLabels(ConcatenateLabels):
    """`body` of images [N, C, H, W] with one more channel, whose H x W values are learned for each label."""

    def __init__(self, body: nn.Module, *, num_classes: int, size: int) -> None:
        super().__init__(body, num_classes=num_classes, label_size=size**2)

    def forward(self, images: Tensor, labels: Tensor) -> Output:
        """The output of `body` for [N, C + 1, H, W]."""
        channel = self.embedding(labels).view_as(images[:, :1])
        outputs: Output = self.body(torch.cat([images, channel], dim=1))
        return outputs


class ConcatenateBeforeLinear(nn.Module):
    """The same function as ConcatenateLabels with a body that is `linear` and then `after`, in less time.

    The matrix is stored in two parts, for the input and for the label's vector: W (x, e) = W_x x + W_e e. The
    vector is learned and needs its gradient; with one matrix the gradient of the images would also be computed,
    which a discriminator step does not need and which is a third of the layer's work.
    """

    def __init__(self, linear: nn.Linear, after: nn.Module, *, num_classes: int, label_size: int) -> None:
        super().__init__()
        joined = linear.weight.detach()
        self.weight = nn.Parameter(joined[:, :-label_size].clone())
        self.label_weight = nn.Parameter(joined[:, -label_size:].clone())
        self.bias = linear.bias
        self.after = after
        self.embedding = nn.Embedding(num_classes, label_size)

    def forward(self, inputs: Tensor, labels: Tensor) -> Output:
        """The output of the layers for the inputs [N, ...] and labels [N]."""
        from_inputs = functional.linear(inputs.flatten(1), self.weight, self.bias)
        outputs: Output = self.after(from_inputs + functional.linear(self.embedding(labels), self.label_weight))
        return outputs


class RealnessAndClass(nn.Module):
    """The last layer of a discriminator with an auxiliary classifier: values [N, 1 + K], the real/fake logit
    first.
    """

    def forward(self, values: Tensor) -> DiscriminatorOutput:
        """The values as logits [N] and class logits [N, K]."""
        return DiscriminatorOutput(logits=values[:, 0], class_logits=values[:, 1:])


class ClassOrFake(nn.Module):
    """The last layer of a discriminator that classifies into K classes and a last class, fake: values [N, K + 1].

    Softmax gives each of the K + 1 a probability. The log-odds of being in one of the K classes, and so real, are
    logsumexp(f_0 .. f_K-1) - f_K; given that an image is real, the softmax of f_0 .. f_K-1 gives its class. So the
    cross-entropy of K + 1 classes is that of real against fake, plus, for images of the K classes, that of the
    class.
    """

    def forward(self, values: Tensor) -> DiscriminatorOutput:
        """The values as log-odds [N] of being real and class logits [N, K]."""
        real_classes, fake = values[:, :-1], values[:, -1]
        return DiscriminatorOutput(logits=real_classes.logsumexp(dim=1) - fake, class_logits=real_classes)


class ScaleByLabels(nn.Module):
    """`after` applied to the product of `before(input)` and `scale(label)`."""

    def __init__(self, before: nn.Module, after: nn.Module, *, scale: nn.Module) -> None:
        super().__init__()
        self.before = before
        self.after = after
        self.scale = scale

    def forward(self, inputs: Tensor, labels: Tensor) -> Output:
        """The product of `before(inputs)` [N, F] and `scale(labels)` [N, F], through `after`."""
        outputs: Output = self.after(self.before(inputs) * self.scale(labels))
        return outputs


class ProjectLabels(nn.Module):
    """A discriminator whose `features` [N, F] are multiplied by a vector of the label (Miyato and Koyama 2018).

    The logit under a label is their inner product, plus `verdict(features)` [N, 1] if there is one.
    """

    def __init__(self, features: nn.Module, *, embedding: nn.Embedding, verdict: nn.Module | None = None) -> None:
        super().__init__()
        self.features = features
        self.embedding = embedding
        self.verdict = verdict

    def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        """The logits of images [N, C, H, W] as real images of the classes `labels` [N]."""
        features = self.features(images)
        logits = (features * self.embedding(labels)).sum(dim=1)
        return DiscriminatorOutput(
            logits=logits if self.verdict is None else logits + self.verdict(features).squeeze(1)
        )
