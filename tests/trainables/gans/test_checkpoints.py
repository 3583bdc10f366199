"""No number may depend on what of a training was kept, and by whom."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints, forget_oldest
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import TrainedEpoch, train_gan, training_id
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

DATA = TrainingData(
    images=torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
    labels=torch.tensor([0, 1, 0, 1, 1, 0, 1, 1, 1, 1]),
    num_classes=2,
)
# Two discriminator steps to a generator step and three batches an epoch: the epochs end in the middle of a round.
SMALL: Mapping[str, object] = {"batch_size": 4, "latent_size": 8, "discriminator_steps": 2, "ema_decay": 0.9}
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def settings_of(variant: GanVariant, epochs: int, given: Mapping[str, object] = {}) -> GanSettings:
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    return parse_gan_settings(variant, {**SMALL, **warm_start, **given, "epochs": epochs}, where="gan")


def training(variant: GanVariant, epochs: int, checkpoints: Checkpoints | None = None) -> Iterator[TrainedEpoch]:
    return train_gan(variant, settings_of(variant, epochs), DATA, seed=1, checkpoints=checkpoints, at=())


def outcome(states: Iterator[TrainedEpoch]) -> tuple[object, list[torch.Tensor]]:
    *_, last = states
    return last.losses, [value.clone() for value in last.generator.state_dict().values()]


def same(one: tuple[object, list[torch.Tensor]], other: tuple[object, list[torch.Tensor]]) -> bool:
    return one[0] == other[0] and all(torch.equal(a, b) for a, b in zip(one[1], other[1], strict=True))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs that were really trained."""
    trained: list[int] = []
    train_epoch = GanTrainer.train_epoch

    def counted(self: GanTrainer) -> None:
        train_epoch(self)
        trained.append(len(self.losses))

    monkeypatch.setattr(GanTrainer, "train_epoch", counted)
    return trained


@every_variant
def test_a_training_that_goes_on_is_bit_for_bit_the_one_that_never_stopped(
    variant: GanVariant, tmp_path: Path, steps: list[int]
) -> None:
    wanted = {epochs: outcome(training(variant, epochs)) for epochs in (1, 2)}
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({1, 2}))
    steps.clear()
    for epochs in (1, 2, 1):
        assert same(outcome(training(variant, epochs, kept)), wanted[epochs])
    assert steps == [1, 2]


def test_epochs_that_are_to_be_seen_are_never_skipped(tmp_path: Path) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({4}))
    list(training(variant, 4, kept))
    seen = train_gan(variant, settings_of(variant, 5), DATA, seed=1, at={2, 5}, checkpoints=kept)
    found = {state.epoch: outcome(iter([state])) for state in seen}
    assert list(found) == [2, 5]
    assert all(same(found[epochs], outcome(training(variant, epochs))) for epochs in found)


def test_the_latest_state_is_kept_as_often_as_time_allows_and_no_other(tmp_path: Path, steps: list[int]) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({2}), every_seconds=0.0)
    cut_off = train_gan(variant, settings_of(variant, 9), DATA, seed=1, checkpoints=kept)
    for _ in range(5):
        next(cut_off)
    assert sorted(path.stem for path in tmp_path.rglob("*.pt")) == ["0000002", "0000005"]
    steps.clear()
    assert same(outcome(training(variant, 9, kept)), outcome(training(variant, 9)))
    assert steps[:4] == [6, 7, 8, 9]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_rarely_nothing_but_what_others_may_want_is_kept(tmp_path: Path) -> None:
    list(training(VARIANTS["vanilla_gan"], 4, Checkpoints(folder=tmp_path, epochs=frozenset({3}))))
    assert [path.stem for path in tmp_path.rglob("*.pt")] == ["0000003"]


@pytest.mark.parametrize("damage", [b"", b"no state", b"PK\x03\x04 half"])
def test_a_damaged_file_is_trained_anew(tmp_path: Path, damage: bytes) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))
    (file,) = tmp_path.rglob("*.pt")
    file.write_bytes(damage)
    assert same(outcome(training(variant, 2, kept)), wanted)


@pytest.mark.parametrize("name", ["._0000002.pt", "0000002 (copy).pt", "copy.pt", ".pt"])
def test_a_file_of_another_name_is_none_of_the_states(tmp_path: Path, steps: list[int], name: str) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))
    (file,) = tmp_path.rglob("*.pt")
    shutil.copy(file, file.with_name(name))
    steps.clear()
    assert same(outcome(training(variant, 2, kept)), wanted)
    assert steps == []


def test_a_state_of_another_training_under_this_ones_name_is_trained_anew(tmp_path: Path) -> None:
    variant, kept = VARIANTS["vanilla_gan"], Checkpoints(folder=tmp_path, epochs=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))
    (file,) = tmp_path.rglob("*.pt")
    list(train_gan(variant, settings_of(variant, 2), DATA, seed=2, checkpoints=kept, at=()))
    (other,) = set(tmp_path.rglob("*.pt")) - {file}
    shutil.copy(other, file)
    assert same(outcome(training(variant, 2, kept)), wanted)


def test_a_file_that_another_process_removes_is_trained_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = VARIANTS["vanilla_gan"]
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({2}))
    wanted = outcome(training(variant, 2, kept))

    def gone(path: Path) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert same(outcome(training(variant, 2, kept)), wanted)


def test_the_name_of_a_training_holds_all_that_its_numbers_depend_on_but_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variant = VARIANTS["wgan_gp"]
    settings = settings_of(variant, 5)

    def name(settings: GanSettings = settings, data: TrainingData = DATA, seed: int = 1) -> str:
        return training_id(variant, settings, data, seed=seed)

    assert name(replace(settings, epochs=7, milestones=(2, 3))) == name()
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
    variant, epochs = VARIANTS["vanilla_gan"], frozenset({1, 2, 3})
    kept = Checkpoints(folder=tmp_path, epochs=epochs)
    wanted = {length: outcome(training(variant, length, kept)) for length in epochs}
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
    assert all(same(outcome(training(variant, length, kept)), wanted[length]) for length in epochs)


def written_before(path: Path, *, minutes: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"0" * 1000)
    then = time.time() - 60 * minutes
    os.utime(path, (then, then))
    return path


def test_what_killed_writers_left_counts_and_goes_first(tmp_path: Path) -> None:
    place = tmp_path / "training"
    old, new = (
        written_before(place / f"000000{epoch}.pt", minutes=minutes) for epoch, minutes in ((1, 500), (2, 5))
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
