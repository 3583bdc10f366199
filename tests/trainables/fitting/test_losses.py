import torch
from torch.nn import functional

from trainables.fitting.losses import FittingStep, weighted_cross_entropy


def test_weights_of_a_class_act_as_torch_class_weights():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1])
    class_weights = torch.tensor([0.25, 3.0], dtype=torch.float64)
    expected = functional.cross_entropy(logits, labels, weight=class_weights)
    step = FittingStep(logits=logits, targets=labels, weights=class_weights[labels], progress=0.0)
    assert torch.allclose(weighted_cross_entropy(step), expected)
