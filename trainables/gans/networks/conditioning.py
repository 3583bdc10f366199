"""Networks of two arguments, input and labels, made from a body that takes one."""

import torch
from torch import Tensor, nn

from trainables.gans.variant import Judgement


class Realness(nn.Module):
    """The last layer of a discriminator that does not classify: values [N, 1] or [N] as a Judgement."""

    def forward(self, values: Tensor) -> Judgement:
        """The values as logits [N]."""
        return Judgement(logits=values.flatten())


class IgnoreLabels(nn.Module):
    """`body` of the input alone: unconditional networks."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor | Judgement:
        """What `body` makes of the inputs."""
        outputs: Tensor | Judgement = self.body(inputs)
        return outputs


class ConcatenateLabels(nn.Module):
    """`body` of the flattened input, followed by a learned vector of `label_size` values for its label."""

    def __init__(self, body: nn.Module, *, num_classes: int, label_size: int) -> None:
        super().__init__()
        self.body = body
        self.embedding = nn.Embedding(num_classes, label_size)

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor | Judgement:
        """What `body` makes of the inputs [N, ...] and labels [N]."""
        outputs: Tensor | Judgement = self.body(torch.cat([inputs.flatten(1), self.embedding(labels)], dim=1))
        return outputs
