"""No number may depend on what of a training was kept, and by whom."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints, forget_oldest
from gan_study.trainables.gans.generator_trainer import LOSS_INTERVAL
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import TrainedGenerator, train_gan, training_id
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings
from gan_study.trainables.runtime import cache

DATA = TrainingData(
    images=torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
    labels=torch.tensor([0, 1, 0, 1, 1, 0, 1, 1, 1, 1]),
    num_classes=2,
)
# Three batches a pass over the images and two a generator step: every second step ends in the middle of a pass.
SMALL: Mapping[str, object] = {"batch_size": 4, "latent_size": 8, "discriminator_steps": 2, "ema_decay": 0.9}
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def settings_of(variant: GanVariant) -> GanSettings:
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    return parse_gan_settings(variant, {**SMALL, **warm_start}, where="gan")


def training(
    variant: GanVariant, steps: int, checkpoints: Checkpoints | None = None
) -> Iterator[TrainedGenerator]:
    return train_gan(variant, settings_of(variant), DATA, seed=1, checkpoints=checkpoints, at={steps})


def outcome(states: Iterator[TrainedGenerator]) -> tuple[object, list[torch.Tensor]]:
    *_, last = states
    return last.losses, [value.clone() for value in last.generator.state_dict().values()]


def same(one: tuple[object, list[torch.Tensor]], other: tuple[object, list[torch.Tensor]]) -> bool:
    return one[0] == other[0] and all(torch.equal(a, b) for a, b in zip(one[1], other[1], strict=True))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generator steps that were really trained."""
    steps: list[int] = []
    end_interval = GanTrainer.end_interval

    def counted(self: GanTrainer, number: int, *losses: Sequence[float]) -> None:
        end_interval(self, number, *losses)
        steps.extend(range(self.generator_steps - number + 1, self.generator_steps + 1))

    monkeypatch.setattr(GanTrainer, "end_interval", counted)
    return steps


@every_variant
def test_a_training_that_goes_on_is_bit_for_bit_the_one_that_never_stopped(
    variant: GanVariant, tmp_path: Path, trained: list[int]
) -> None:
    wanted = {steps: outcome(training(variant, steps)) for steps in (1, 2)}
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({1, 2}))
    trained.clear()
    for steps in (1, 2, 1):
        assert same(outcome(training(variant, steps, kept)), wanted[steps])
    assert trained == [1, 2]


def test_losses_of_an_interval_that_was_cut_off_are_those_of_one_that_was_not(
    tmp_path: Path, trained: list[int]
) -> None:
    variant = VARIANTS["dcgan"]
    last = 2 * LOSS_INTERVAL + 3
    (whole,) = training(variant, last)
    assert whole.loss_steps == (LOSS_INTERVAL, 2 * LOSS_INTERVAL, last)
    trained.clear()
    cut_off = LOSS_INTERVAL + 4
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({cut_off}))
    (until_then,) = training(variant, cut_off, kept)
    assert until_then.loss_steps == (LOSS_INTERVAL, cut_off)
    # The mean of the four steps so far, and not yet of all sixteen.
    assert until_then.losses[0] == whole.losses[0] and until_then.losses[1] != whole.losses[1]
    wanted = outcome(iter([whole]))
    (gone_on,) = training(variant, last, kept)
    assert trained == list(range(1, last + 1))
    assert gone_on.loss_steps == whole.loss_steps
    assert same(outcome(iter([gone_on])), wanted)
    assert list(gone_on.snapshots) == [16, 32, last] == list(whole.snapshots)
    assert all(torch.equal(gone_on.snapshots[step], images) for step, images in whole.snapshots.items())


def test_steps_that_are_to_be_seen_are_never_skipped(tmp_path: Path) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({4}))
    list(training(variant, 4, kept))
    seen = train_gan(variant, settings_of(variant), DATA, seed=1, at={2, 5}, checkpoints=kept)
    found = {state.generator_steps: outcome(iter([state])) for state in seen}
    assert list(found) == [2, 5]
    assert all(same(found[steps], outcome(training(variant, steps))) for steps in found)


def test_the_latest_state_is_kept_as_often_as_time_allows_and_no_other(tmp_path: Path, trained: list[int]) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({2}), every_seconds=0.0)
    cut_off = train_gan(variant, settings_of(variant), DATA, seed=1, at=range(1, 10), checkpoints=kept)
    for _ in range(5):
        next(cut_off)
    assert sorted(path.stem for path in tmp_path.rglob("*.pt")) == ["0000002", "0000005"]
    trained.clear()
    assert same(outcome(training(variant, 9, kept)), outcome(training(variant, 9)))
    assert trained[:4] == [6, 7, 8, 9]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_rarely_nothing_but_what_others_may_want_is_kept(tmp_path: Path) -> None:
    list(training(VARIANTS["vanilla_gan"], 4, Checkpoints(folder=tmp_path, generator_steps=frozenset({3}))))
    assert [path.stem for path in tmp_path.rglob("*.pt")] == ["0000003"]


def test_on_request_every_state_that_was_looked_at_is_kept(tmp_path: Path) -> None:
    variant, kept = VARIANTS["vanilla_gan"], Checkpoints(folder=tmp_path, keeps_looked_at=True)
    list(train_gan(variant, settings_of(variant), DATA, seed=1, at={3, 5}, checkpoints=kept))
    assert sorted(path.stem for path in tmp_path.rglob("*.pt")) == ["0000003", "0000005"]


@pytest.mark.parametrize("damage", [b"", b"no state", b"PK\x03\x04 half"])
def test_a_damaged_file_is_trained_anew(tmp_path: Path, damage: bytes) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))
    (file,) = tmp_path.rglob("*.pt")
    file.write_bytes(damage)
    assert same(outcome(training(variant, 2, kept)), wanted)


@pytest.mark.parametrize("name", ["._0000002.pt", "0000002 (copy).pt", "copy.pt", ".pt"])
def test_a_file_of_another_name_is_none_of_the_states(tmp_path: Path, trained: list[int], name: str) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))
    (file,) = tmp_path.rglob("*.pt")
    shutil.copy(file, file.with_name(name))
    trained.clear()
    assert same(outcome(training(variant, 2, kept)), wanted)
    assert trained == []


def test_a_state_of_another_training_under_this_ones_name_is_trained_anew(tmp_path: Path) -> None:
    variant, kept = VARIANTS["vanilla_gan"], Checkpoints(folder=tmp_path, generator_steps=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))
    (file,) = tmp_path.rglob("*.pt")
    list(train_gan(variant, settings_of(variant), DATA, seed=2, checkpoints=kept, at={2}))
    (other,) = set(tmp_path.rglob("*.pt")) - {file}
    shutil.copy(other, file)
    assert same(outcome(training(variant, 2, kept)), wanted)


def test_a_file_that_another_process_removes_is_trained_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))

    def gone(path: Path) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(cache, "read_bytes", gone)
    assert same(outcome(training(variant, 2, kept)), wanted)


def test_the_name_of_a_training_holds_all_that_its_numbers_depend_on_but_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variant = VARIANTS["wgan_gp"]
    settings = settings_of(variant)

    def name(settings: GanSettings = settings, data: TrainingData = DATA, seed: int = 1) -> str:
        return training_id(variant, settings, data, seed=seed)

    assert name(replace(settings, generator_steps=7, most_generator_steps=None, milestones=(2, 3))) == name()
    assert name(replace(settings, generator_steps=7, most_generator_steps=9)) == name()
    assert name(replace(settings, generator_steps=None, most_generator_steps=None, epochs=7)) == name()
    other_pixel = DATA.images.clone()
    other_pixel[3, 0, 2, 2] += 1e-3
    others = [
        name(seed=2),
        name(replace(settings, learning_rate=0.1)),
        name(replace(settings, weights={"gradient_penalty": 9.0})),
        name(replace(settings, diff_augment=True)),
        name(replace(settings, precision="bf16")),
        name(data=replace(DATA, images=other_pixel)),
        name(data=replace(DATA, labels=DATA.labels.flip(0))),
        name(data=replace(DATA, num_classes=3)),
        training_id(VARIANTS["dragan"], settings, DATA, seed=1),
        training_id(variant, settings, DATA, seed=1, execution="CUDA graph"),
    ]
    here = name()
    monkeypatch.setattr("gan_study.trainables.gans.training.arithmetic", lambda device: ["another machine"])
    assert len({here, name(), *others}) == 2 + len(others)


def test_the_states_that_were_used_last_stay_within_their_space(tmp_path: Path) -> None:
    variant, steps = VARIANTS["vanilla_gan"], frozenset({1, 2, 3})
    kept = Checkpoints(folder=tmp_path, generator_steps=steps)
    wanted = {length: outcome(training(variant, length, kept)) for length in steps}
    first, second, third = sorted(tmp_path.rglob("*.pt"))
    for age, path in enumerate((third, second, first)):
        os.utime(path, (1000 - age, 1000 - age))
    # The oldest is used once more, and so becomes the latest.
    assert same(outcome(training(variant, 1, kept)), wanted[1])
    size = first.stat().st_size
    forget_oldest(tmp_path, most_bytes=1e12)
    assert sorted(tmp_path.rglob("*.pt")) == [first, second, third]
    forget_oldest(tmp_path, most_bytes=2.5 * size)
    assert sorted(tmp_path.rglob("*.pt")) == [first, third]
    forget_oldest(tmp_path, most_bytes=0)
    assert not list(tmp_path.rglob("*.pt"))
    assert all(same(outcome(training(variant, length, kept)), wanted[length]) for length in steps)


def written_before(path: Path, *, minutes: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"0" * 1000)
    then = time.time() - 60 * minutes
    os.utime(path, (then, then))
    return path


def test_what_killed_writers_left_counts_and_goes_first(tmp_path: Path) -> None:
    place = tmp_path / "training"
    old, new = (
        written_before(place / f"000000{step}.pt", minutes=minutes) for step, minutes in ((1, 500), (2, 5))
    )
    left, being_written = (
        written_before(place / f".0000003.pt.{name}.partial", minutes=minutes)
        for name, minutes in (("0a", 61), ("0b", 59))
    )
    forget_oldest(tmp_path, most_bytes=4000)
    assert set(place.iterdir()) == {old, new, left, being_written}
    forget_oldest(tmp_path, most_bytes=3999)
    assert set(place.iterdir()) == {old, new, being_written}
    forget_oldest(tmp_path, most_bytes=2999)
    assert set(place.iterdir()) == {new, being_written}
    forget_oldest(tmp_path, most_bytes=0)
    assert set(place.iterdir()) == {being_written}
