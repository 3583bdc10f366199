from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.base.precision import gpu_products_in
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.gans.batched.stacked import train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import TrainedGenerator, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

CPU = torch.device("cpu")
DATA = TrainingData(
    images=torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
    labels=torch.arange(10) % 2,
    num_classes=2,
)
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def settings_of(variant: GanVariant, precision: str) -> GanSettings:
    given = {"batch_size": 4, "latent_size": 6, "discriminator_steps": 1, "precision": precision}
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    return parse_gan_settings(variant, {**given, **warm_start}, where="gan")


def near(one: TrainedGenerator, other: TrainedGenerator) -> bool:
    """Seven bits are two to three digits."""
    return one.losses[0] == pytest.approx(other.losses[0], rel=0.05, abs=0.05)


def test_bf16_is_of_products_alone() -> None:
    one = torch.ones(2, 2)
    variant = VARIANTS["vanilla_gan"]
    rounded, exact = (
        GanTrainer(variant, settings_of(variant, name), DATA, seed=0) for name in ("bf16", "float32")
    )
    with rounded.autocast():
        assert (one @ one).dtype == torch.bfloat16
        assert (one + one).dtype == torch.float32
    with exact.autocast():
        assert (one @ one).dtype == torch.float32


def test_a_training_in_tf32_is_refused_where_there_is_none() -> None:
    variant = VARIANTS["vanilla_gan"]
    with pytest.raises(ConfigError, match=r"gan.precision: 'tf32' cannot be used on cpu"):
        next(train_gan(variant, settings_of(variant, "tf32"), DATA, seed=1, at={1}))
    with pytest.raises(ConfigError, match=r"gan.precision: 'half' cannot be used"):
        settings_of(variant, "half")


def test_bf16_is_of_all_that_networks_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded: dict[str, set[bool]] = {"fake_images": set(), "discriminator_loss": set(), "generator_loss": set()}

    def noted(name: str, method: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(*arguments: object) -> Tensor:
            rounded[name].add(torch.is_autocast_enabled("cpu"))
            return method(*arguments)

        return call

    for name in rounded:
        monkeypatch.setattr(GanTrainer, name, noted(name, getattr(GanTrainer, name)))
    variant = VARIANTS["vanilla_gan"]
    next(train_gan(variant, settings_of(variant, "bf16"), DATA, seed=1, at={1}))
    assert set(map(frozenset, rounded.values())) == {frozenset({True})}


@every_variant
def test_bf16_is_near_float32_and_weights_stay_as_they_are(variant: GanVariant) -> None:
    (exact,) = train_gan(variant, settings_of(variant, "float32"), DATA, seed=1, at={3})
    (rounded,) = train_gan(variant, settings_of(variant, "bf16"), DATA, seed=1, at={3})
    assert rounded.losses != exact.losses
    assert near(rounded, exact)
    assert {weight.dtype for weight in rounded.generator.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ["vanilla_gan", "dcgan", "r3gan"])
def test_bf16_of_several_at_once_is_that_of_each_alone_or_refused(name: str) -> None:
    variant = VARIANTS[name]
    settings = settings_of(variant, "bf16")
    (alone,) = train_gan(variant, settings, DATA, seed=1, at={3})
    stacked = train_gans(variant, settings, [DATA, DATA], seeds=[1, 2], at={3})
    if any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in alone.generator.modules()):
        with pytest.raises(ConfigError, match=f"'bf16' cannot be used .* at once; {name} has batch norm"):
            next(stacked)
    else:
        ((found, _),) = stacked
        assert isinstance(found, TrainedGenerator)
        assert near(found, alone)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_computes_exactly_unless_told_otherwise() -> None:
    switches = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [switch.fp32_precision for switch in switches]
    for precision, wanted in (("float32", "ieee"), ("bf16", "ieee"), ("tf32", "tf32")):
        with gpu_products_in(precision):
            assert [switch.fp32_precision for switch in switches] == [wanted, wanted]
        assert [switch.fp32_precision for switch in switches] == before
