import torch
from torch.nn.functional import cross_entropy, mse_loss

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.label_losses import fake_class_loss, real_class_loss
from gan_study.trainables.gans.networks.class_gaussians import ClassGaussians, covariance_factor
from gan_study.trainables.gans.networks.conditioning import ClassOrFake
from gan_study.trainables.gans.random_streams import GeneratorStream
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import (
    AdversarialStep,
    GanSettings,
    IgnoreLabels,
    Networks,
    TrainingData,
    parse_gan_settings,
)
from gan_study.trainables.gans.variants.bagan import BAGAN

SHAPE = ImageShape(size=8, channels=1)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def step(real: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor) -> AdversarialStep:
    """Of values [N, K + 1] in place of images."""
    return AdversarialStep(
        discriminator=ClassOrFake(),
        real_images=real,
        fake_images=fake,
        labels=labels,
        num_classes=real.shape[1] - 1,
        real=ClassOrFake()(real),
        fake=ClassOrFake()(fake),
        random=GeneratorStream(random()),
    )


def test_losses_are_the_cross_entropy_of_classes_and_fake() -> None:
    """Real images into their classes, fake ones into the last; the generator into its class."""
    real, fake = torch.randn(2, 50, 4, dtype=torch.float64, generator=random()).mul(3)
    labels = torch.randint(0, 3, (50,), generator=random())
    judged = step(real, fake, labels)
    discriminator = BAGAN.loss.discriminator(judged.real.logits, judged.fake.logits) + real_class_loss(judged)
    generator = BAGAN.loss.generator(judged.real.logits, judged.fake.logits) + fake_class_loss(judged)
    as_fake = torch.full_like(labels, 3)
    torch.testing.assert_close(discriminator, cross_entropy(real, labels) + cross_entropy(fake, as_fake))
    torch.testing.assert_close(generator, cross_entropy(fake, labels))
    assert [term.function for term in BAGAN.discriminator_terms] == [real_class_loss]
    assert [term.function for term in BAGAN.generator_terms] == [fake_class_loss]


def test_factor_gives_the_covariance_back() -> None:
    points = torch.randn(30, 4, dtype=torch.float64, generator=random()) @ torch.diag(
        torch.tensor([1.0, 2, 3, 4], dtype=torch.float64)
    )
    factor = covariance_factor(points)
    torch.testing.assert_close(factor @ factor.T, points.T.cov())


def test_fewer_points_than_dimensions_have_a_factor() -> None:
    points = torch.randn(3, 6, dtype=torch.float64, generator=random())
    factor = covariance_factor(points)
    assert factor.shape == (6, 6)
    torch.testing.assert_close(factor @ factor.T, points.T.cov())


def test_one_point_does_not_vary() -> None:
    assert not covariance_factor(torch.tensor([[3.0, -1.0]])).any()


def test_latents_have_mean_and_covariance_of_their_class() -> None:
    points = torch.randn(40, 3, dtype=torch.float64, generator=random()) * 2 + 5
    others = torch.randn(7, 3, dtype=torch.float64, generator=random(1))
    gaussians = ClassGaussians(torch.nn.Identity(), num_classes=3, latent_size=3).double()
    gaussians.fit(torch.cat([others, points]), torch.tensor([0] * 7 + [2] * 40))
    latents = torch.randn(200_000, 3, dtype=torch.float64, generator=random(2))
    drawn = gaussians(latents, torch.full((200_000,), 2))
    torch.testing.assert_close(drawn.mean(dim=0), points.mean(dim=0), atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), points.T.cov(), atol=0.1, rtol=0)


def test_a_class_without_images_is_given_the_gaussian_of_all() -> None:
    points = torch.randn(9, 3, generator=random())
    gaussians = ClassGaussians(torch.nn.Identity(), num_classes=3, latent_size=3)
    gaussians.fit(points, torch.tensor([0, 2] * 4 + [0]))
    torch.testing.assert_close(gaussians.means[1], points.mean(dim=0))
    torch.testing.assert_close(gaussians.factors[1], covariance_factor(points))


def warmed(epochs: int) -> tuple[Networks, TrainingData, torch.Tensor]:
    """Networks after a warm start of `epochs`, the data, and the discriminator's first weights before it."""
    labels = torch.arange(24) % 2
    brightness = (labels.float() * 1.6 - 0.8)[:, None, None, None]
    images = (brightness + 0.1 * torch.randn(24, 1, 8, 8, generator=random())).clamp(-1, 1)
    data = TrainingData(images=images, labels=labels, num_classes=2)
    given = {"batch_size": 8, "latent_size": 4, "learning_rate": 2e-3, "warm_start_epochs": epochs}
    settings: GanSettings = parse_gan_settings(BAGAN, given, where="gan")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = BAGAN.networks(SHAPE, 4, 2)
    before = networks.discriminator.body[0][0].weight.detach().clone()
    assert BAGAN.warm_start is not None
    BAGAN.warm_start(networks, data, settings, random())
    return networks, data, before


def test_after_the_warm_start_latents_of_a_class_give_its_images() -> None:
    networks, _, before = warmed(40)
    made = networks.generator.eval()(torch.randn(40, 4, generator=random(3)), torch.arange(40) % 2)
    brightness = made.mean(dim=(1, 2, 3))
    assert brightness[::2].max() < -0.4
    assert brightness[1::2].min() > 0.4
    # The encoder is the discriminator's trunk.
    assert not torch.equal(networks.discriminator.body[0][0].weight, before)


def test_decoder_and_encoder_learn_in_the_warm_start() -> None:
    def error(epochs: int) -> float:
        networks, data, _ = warmed(epochs)
        means = networks.generator.means
        decoded = IgnoreLabels(networks.generator.body).eval()(means[data.labels], data.labels)
        return mse_loss(decoded, data.images).item()

    assert error(40) < 0.1 < error(0)


def test_a_class_without_images_is_no_hindrance() -> None:
    settings = parse_gan_settings(BAGAN, {"batch_size": 4, "latent_size": 5, "warm_start_epochs": 1}, where="gan")
    data = TrainingData(images=torch.rand(3, 1, 8, 8), labels=torch.tensor([0, 3, 3]), num_classes=5)
    (state,) = train_gan(BAGAN, settings, data, seed=0, at={1})
    made = state.generator.eval()(torch.randn(5, 5, generator=random()), torch.arange(5))
    assert made.isfinite().all()
