import torch

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.label_losses import fake_class_loss, real_class_loss
from gan_study.trainables.gans.networks.conditioning import RealnessAndClass
from gan_study.trainables.gans.variants.acgan import ACGAN


def test_one_weight_teaches_the_class_to_both_networks() -> None:
    assert ACGAN.term_names == ("classification",)
    assert [term.function for term in ACGAN.discriminator_terms] == [real_class_loss]
    assert [term.function for term in ACGAN.generator_terms] == [fake_class_loss]


def test_first_value_is_the_realness_and_the_others_are_the_classes() -> None:
    output = RealnessAndClass()(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert output.logits.tolist() == [1.0, 4.0]
    assert output.class_logits.tolist() == [[2.0, 3.0], [5.0, 6.0]]


def test_discriminator_is_not_told_the_label() -> None:
    networks = ACGAN.networks(ImageShape(size=8, channels=1), 5, 3)
    discriminator, images = networks.discriminator.eval(), torch.rand(2, 1, 8, 8)
    first, second = discriminator(images, torch.tensor([0, 1])), discriminator(images, torch.tensor([2, 2]))
    assert torch.equal(first.logits, second.logits)
    assert torch.equal(first.class_logits, second.class_logits)
