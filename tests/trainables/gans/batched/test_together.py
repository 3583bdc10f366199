"""Which GANs are trained as one computation, and that nobody can tell who asked first."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, cast

import pytest
import torch

from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.batched import GanExecution, train_all
from gan_study.trainables.gans.batched.stacked import StackedTrainer, train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.training import TrainedGenerator, WantedTraining, train_gan
from gan_study.trainables.gans.variant import GanSettings, TrainingData, parse_gan_settings
from gan_study.trainables.runtime.cache import contents

SMALL: Mapping[str, object] = {"batch_size": 4, "latent_size": 6}
BATCHED = GanExecution(way="batched")


def wanted(seed: int, number: int = 6, at: Collection[int] = (2, 4)) -> WantedTraining:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(number, 1, 8, 8, generator=random, dtype=torch.double) * 2 - 1
    data = TrainingData(images=images, labels=torch.zeros(number, dtype=torch.long), num_classes=1)
    return WantedTraining(data=data, seed=seed, at=frozenset(at))


FAMILY = [wanted(seed) for seed in range(3)]
# These GANs are not made from a training set.
NOTHING = cast(TrainingSet, None)


def settings_of(name: str, given: Mapping[str, object] = {}) -> GanSettings:
    return parse_gan_settings(VARIANTS[name], {**SMALL, **given}, where="gan")


# By a GAN's seed: its numbers after generator steps 2 and 4, and its notes.
Found: TypeAlias = dict[int, tuple[list[object], tuple[str, ...]]]


def numbers(state: TrainedGenerator) -> tuple[object, object]:
    return state.losses, contents(*state.generator.state_dict().values())


def outcomes(
    own: list[WantedTraining],
    family: list[WantedTraining] = FAMILY,
    *,
    name: str = "vanilla_gan",
    given: Mapping[str, object] = {},
    execution: GanExecution = BATCHED,
    checkpoints: Checkpoints | None = None,
) -> Found:
    gans = train_all(
        VARIANTS[name],
        settings_of(name, given),
        own,
        # Each trial of the family wants one GAN; a trial's seed is the place of its GAN.
        wanted_by=lambda training, seed: [family[seed]],
        execution=replace(execution.for_seeds(range(len(family))), inputs_of=lambda seed: (NOTHING, seed)),
        checkpoints=checkpoints,
    )
    seen: list[list[object]] = [[] for _ in gans]
    for states in zip(*(gan.states for gan in gans), strict=True):
        for of_one, state in zip(seen, states, strict=True):
            of_one.append(numbers(state))
    return {gan.seed: (of_one, each.notes) for gan, of_one, each in zip(own, seen, gans, strict=True)}


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What stacks were really trained for: how many GANs, and up to which generator step."""
    trained: list[tuple[int, int]] = []
    train_until = StackedTrainer.train_until

    def counted(self: StackedTrainer, generator_steps: int) -> None:
        train_until(self, generator_steps)
        trained.append((len(self.members), self.generator_steps))

    monkeypatch.setattr(StackedTrainer, "train_until", counted)
    return trained


def test_nothing_is_chosen_by_itself_that_has_not_been_measured() -> None:
    for device_type in ("cpu", "cuda"):
        assert GanExecution().on(device_type).way == "one_at_a_time"
        assert BATCHED.on(device_type).way == "batched"


def test_graphs_are_for_devices_that_have_them_and_for_those_who_ask() -> None:
    asked = GanExecution(cuda_graphs=True)
    assert asked.replays_graphs("cuda") and not asked.replays_graphs("cpu")
    assert not GanExecution().replays_graphs("cuda")


def test_one_at_a_time_each_is_what_the_loop_for_one_gives(stacks: list[tuple[int, int]]) -> None:
    found = outcomes(FAMILY[:2], execution=GanExecution())
    variant, settings = VARIANTS["vanilla_gan"], settings_of("vanilla_gan")
    for gan in FAMILY[:2]:
        alone = [numbers(state) for state in train_gan(variant, settings, gan.data, seed=gan.seed, at=gan.at)]
        assert found[gan.seed] == (alone, ())
    assert stacks == []


def test_all_of_a_family_are_trained_once_whoever_comes_first(
    tmp_path: Path, stacks: list[tuple[int, int]]
) -> None:
    alone = outcomes(FAMILY)
    stacks.clear()
    for turn, order in enumerate(([0, 1, 2], [2, 0, 1])):
        kept = Checkpoints(folder=tmp_path / str(turn))
        found = {seed: outcomes([FAMILY[seed]], checkpoints=kept)[seed] for seed in order}
        assert found == alone
        assert stacks == [(3, 2), (3, 4)]
        stacks.clear()
    assert alone[0][1] == ("3 GANs were trained as one computation; the first trial of them took the time of all",)


def test_several_of_one_trial_share_a_stack(stacks: list[tuple[int, int]]) -> None:
    found = outcomes(FAMILY)
    assert stacks == [(3, 2), (3, 4)]
    variant, settings = VARIANTS["vanilla_gan"], settings_of("vanilla_gan")
    wanted_states = train_gans(variant, settings, [gan.data for gan in FAMILY], seeds=range(3), at={2, 4})
    together = [
        [numbers(state) for state in of_all if isinstance(state, TrainedGenerator)] for of_all in wanted_states
    ]
    assert [found[seed][0] for seed in range(3)] == [list(of_one) for of_one in zip(*together, strict=True)]


def test_no_more_at_once_than_is_allowed_and_none_without_need(stacks: list[tuple[int, int]]) -> None:
    family = [wanted(seed) for seed in range(5)]
    outcomes([family[2]], family, execution=GanExecution(way="batched", at_once=3))
    assert set(stacks) == {(3, 2), (3, 4)}
    stacks.clear()
    outcomes([family[4]], family, execution=GanExecution(way="batched", at_once=3))
    assert set(stacks) == {(2, 2), (2, 4)}


def test_only_those_with_as_many_images_go_together(stacks: list[tuple[int, int]]) -> None:
    family = [wanted(0), wanted(1, number=7), wanted(2)]
    found = outcomes(family, family)
    assert set(stacks) == {(2, 2), (2, 4)}
    assert found[1][1] == ("a GAN was trained alone, because no other has as many images",)
    assert outcomes([family[1]], [family[1]])[1] == (found[1][0], ())


def test_one_that_diverges_is_lost_alone(tmp_path: Path) -> None:
    broken = replace(FAMILY[1], data=replace(FAMILY[1].data, images=FAMILY[1].data.images * torch.nan))
    family = [FAMILY[0], broken, FAMILY[2]]
    kept = Checkpoints(folder=tmp_path)
    with pytest.raises(DivergedError, match="by generator step 2"):
        outcomes([broken], family, checkpoints=kept)
    # It came first, and left as soon as it had diverged; those that come then go on from there.
    found = outcomes([FAMILY[0]], family, checkpoints=kept)
    assert found == outcomes([FAMILY[0]], family)
    with pytest.raises(DivergedError, match="by generator step 2"):
        outcomes([broken], family, checkpoints=kept)


def test_what_vmap_cannot_do_is_done_one_at_a_time_and_said(stacks: list[tuple[int, int]]) -> None:
    reason = ("GANs were trained one at a time: batch norm in bf16 cannot be computed for several GANs at once",)
    family = [replace(gan, data=replace(gan.data, images=gan.data.images.float())) for gan in FAMILY[:2]]
    found = outcomes(family, family, name="dcgan", given={"precision": "bf16"})
    assert stacks == []
    assert [found[gan.seed][1] for gan in family] == [reason, reason]
    outcomes(family, family, name="r3gan", given={"precision": "bf16"})
    assert stacks


def test_steps_from_graphs_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GanExecution, "replays_graphs", lambda self, device_type: True)
    gans = train_all(
        VARIANTS["vanilla_gan"],
        settings_of("vanilla_gan"),
        FAMILY[:1],
        wanted_by=lambda training, seed: FAMILY[:1],
        execution=GanExecution(cuda_graphs=True).for_seeds(),
        checkpoints=None,
    )
    assert gans[0].notes == ("steps of GANs were replayed from CUDA graphs",)
