"""What the benchmarks reckon with."""

import json
from pathlib import Path
from pkgutil import resolve_name

import pytest
import torch
from torch.nn import functional

from benchmarks import feature_diffusion, machine, precision, precision_f1, pretrain, self_attention, size
from benchmarks.naive import REPLACED, plainly_fitted, plainly_trained
from benchmarks.table import BEGIN, END, written
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.pretrained import Pretrained
from gan_study.trainables.classifiers.pretrained_network import load
from gan_study.trainables.data.images import Classes, ImageShape, TrainingSet
from gan_study.trainables.data.look_alikes import look_of, similar_rows
from gan_study.trainables.data.pixels import digest, read_pixels
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import TrainingData, parse_gan_settings
from gan_study.trainables.gans.variants.projection_sngan import PROJECTION_SNGAN

IMAGES, LABELS = torch.linspace(-1, 1, 12 * 64).view(12, 1, 8, 8), torch.arange(12) % 2


def test_operations_are_two_for_each_weight_and_value_that_it_meets() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert machine.operations_of(lambda: left @ right) == 2 * 3 * 5 * 7
    maps, kernel = torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3)
    # Padded, a convolution has as many values as there were pixels.
    assert machine.operations_of(lambda: functional.conv2d(maps, kernel, padding=1)) == 2 * 2 * 4 * 8 * 8 * 3 * 9


def test_nothing_is_quicker_than_the_best_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every work takes a second, the one of most operations has the best rate."""
    seconds = iter(range(10_000))
    monkeypatch.setattr(machine, "perf_counter", lambda: next(seconds))
    assert machine.best_rate() == max(2 * 1024**3, 2 * 64 * 128 * 14 * 14 * 128 * 9)


def test_what_was_measured_stands_between_the_marks_of_the_page() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert written(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter"


def test_photographs_are_files_of_three_classes_and_no_two_are_alike(tmp_path: Path) -> None:
    size.write_photographs(tmp_path, 9, 200)
    pictures = [read_pixels(path) for path in sorted(tmp_path.glob("*/*.jpg"))]
    assert [len(list((tmp_path / name).iterdir())) for name in size.CLASSES] == [3, 3, 3]
    assert {each.shape for each in pictures} == {(200, 200, 3)}
    assert not similar_rows([look_of(each, digest=digest(each)) for each in pictures])


def test_memory_is_told_in_times_of_the_pool() -> None:
    numbers = dict.fromkeys(("driver_all", "trial_own", "trial_shared", "pool_bytes"), 3.0 * 2**20)
    seconds = {"conditional_batch_seconds": 0.001, "unconditional_batch_seconds": 0.002}
    found = {"photographs": 1000, "pixels": 64, "seconds_to_first_trial": 1.25, **numbers, **seconds}
    assert size.table([found])[-1] == "| 1,000 at 64 | 3 | 1.2 | 3 (1.00) | 3 (1.00) | 3 (1.00) | 1.00 | 2.00 |"


def test_a_plain_training_gives_what_a_trial_needs() -> None:
    settings = parse_gan_settings(VARIANTS["cgan"], {"generator_steps": 4, "batch_size": 8}, where="gan")
    data = TrainingData(images=IMAGES, labels=LABELS, num_classes=2)
    (state,) = plainly_trained(VARIANTS["cgan"], settings, data, seed=1)
    assert state.generator_steps == state.taken_from == 4
    assert [tuple(images.shape[1:]) for images in state.snapshots.values()] == [(1, 8, 8)]
    training = TrainingSet(
        images=IMAGES,
        labels=LABELS,
        weights=torch.ones(12),
        synthetic=torch.zeros(12, dtype=torch.bool),
        classes=Classes(names=("a", "b"), minority=(1,)),
    )
    fitted = plainly_fitted(ClassifierConfig(batch_size=4), training, steps=5, seed=1)
    assert fitted.probabilities(IMAGES).shape == (12, 2)


@pytest.mark.parametrize("name", REPLACED)
def test_what_the_plain_loops_stand_in_for_is_there(name: str) -> None:
    assert callable(resolve_name(name))


def test_a_body_is_trained_within_the_time_and_is_a_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["pretrain", str(tmp_path / "w.pth"), "--minutes", "0.01", "--set", "digits", "--model", "cnn2"]
    monkeypatch.setattr("sys.argv", [*arguments, "--image-size", "8"])
    monkeypatch.setattr(pretrain, "TIMED_STEPS", 1)
    pretrain.main()
    assert ": cnn2, test accuracy 0." in capsys.readouterr().out
    own = Pretrained(library="gan_study", model="cnn2", weights=str(tmp_path / "w.pth"), image_size=8)
    assert load(own, where="here").num_features == 128


def test_the_difference_of_precisions_is_of_pairs() -> None:
    # The differences are 0.02, 0 and 0.01: mean 0.01, s / sqrt(3) = 0.00577, and t(0.975, 2) = 4.303.
    sentence = precision_f1.describe([0.8, 0.9, 0.7], [0.82, 0.9, 0.71])
    assert "3 paired seeds: 0.8000 in float32, 0.8100 in bf16" in sentence
    assert sentence.endswith("is +0.0100 (95 % interval -0.0148 to +0.0348).")


def test_the_table_of_precisions_shows_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "RESULTS", tmp_path)
    kept = {"speedup": 1.2, "step_error": 0.3, "run_error": 0.1, "failure": None}
    (tmp_path / "dcgan-64.json").write_text(json.dumps(kept))
    assert list(precision.table(VARIANTS, "variant"))[2:] == ["| `dcgan` | 64 | 1.20 | 0.300 | 0.100 | float32 |"]


def test_digits_of_one_class_for_a_gan_of_one() -> None:
    alone, conditional = (precision.training_data(VARIANTS[name], 8) for name in ("dcgan", "cgan"))
    assert alone.shape == conditional.shape
    assert set(alone.labels.tolist()) == {3}
    assert set(conditional.labels.tolist()) == set(range(10))
    assert (float(conditional.images.min()), float(conditional.images.max())) == (-1.0, 1.0)
    assert not precision.has_convolutions(VARIANTS["vanilla_gan"])
    assert precision.has_convolutions(VARIANTS["dcgan"])


def test_self_attention_by_hand() -> None:
    attention = self_attention.SelfAttention(1)
    for layer, weight in ((attention.queries, 1.0), (attention.keys, 1.0), (attention.values, 3.0)):
        layer.weight.data.fill_(weight)
        layer.bias.data.zero_()
    attention.output.weight.data.fill_(1.0)
    attention.output.bias.data.zero_()
    # The largest of each square of four: 0 and 1, and what each position has of them is a softmax of x 0 and x 1.
    maps = torch.tensor([[0.0, -1.0, 1.0, -1.0], [-1.0, -1.0, -1.0, 0.5]])[None, None]
    shares_of_one = maps.exp() / (1 + maps.exp())
    assert torch.equal(attention(maps), maps)
    attention.gamma.data.fill_(2.0)
    torch.testing.assert_close(attention(maps), maps + 2 * 3 * shares_of_one)


@pytest.mark.parametrize(("size", "middle"), [(28, 14), (32, 16), (64, 16)])
def test_self_attention_begins_as_the_projection_gan(size: int, middle: int) -> None:
    shape = ImageShape(size=size, channels=1)
    with_seed = [
        (torch.manual_seed(0), make(shape, 8, 3))[1]
        for make in (PROJECTION_SNGAN.networks, self_attention.attending_networks)
    ]
    seen: list[int] = []
    for module in (*with_seed[1].generator.modules(), *with_seed[1].discriminator.modules()):
        if isinstance(module, self_attention.Attending):
            module.register_forward_hook(lambda _, inputs, outputs: seen.append(outputs.shape[-1]))
    latents, labels = torch.randn(2, 8), torch.tensor([0, 2])
    images = [each.generator.eval()(latents, labels) for each in with_seed]
    logits = [each.discriminator.eval()(images[0], labels).logits for each in with_seed]
    assert torch.equal(*images) and torch.equal(*logits)
    assert seen == [middle, middle]


def test_a_flow_fills_a_class_with_features_like_its_own() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 90 + [1] * 10)
    features = 2 + 4 * labels[:, None] + torch.randn(100, 3, generator=random)
    weights = torch.where(labels == 1, 3.0, 1.0)
    settings = feature_diffusion.FeatureDiffusion(generator_steps=300, width=32)
    filled = feature_diffusion.with_flow_features(features, labels, weights, 1, wanted={1: 80}, settings=settings)
    for whole, before in zip(filled, (features, labels, weights), strict=True):
        assert torch.equal(whole[:100], before)
    new, made, of_new = (whole[100:] for whole in filled)
    assert made.tolist() == [1] * 80 and of_new.tolist() == [3.0] * 80
    # Mean and deviation of the ten rows that it has learned from, to within about three standard errors.
    of_class = features[labels == 1]
    assert (new.mean(dim=0) - of_class.mean(dim=0)).abs().max() < 0.4
    assert 0.6 < float((new.std(dim=0) / of_class.std(dim=0)).mean()) < 1.4
