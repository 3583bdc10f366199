"""Trials whose GANs are trained as one computation have the records of trials by themselves."""

import pytest
import torch

from gan_study.trainables.gans.batched import GanExecution
from gan_study.trainables.gans.batched.stacked import StackedTrainer
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial
from tests.outcomes import content, view
from tests.trainables.trial.digits_trial import GAN, config

pytestmark = pytest.mark.usefixtures("few_domain_steps")

# Its losses are averaged over 16 steps, 16 and 8.
LONG_GAN = {"name": "vanilla_gan", "gan": {"generator_steps": 40}}
SEEDS = (1, 2, 3)
BATCHED = GanExecution(way="batched")


@pytest.fixture
def stacks(monkeypatch):
    """What was really trained as one computation: how many GANs, and up to which generator step."""
    trained = []
    train_until = StackedTrainer.train_until

    def counted(self, generator_steps):
        train_until(self, generator_steps)
        trained.append((len(self.members), self.generator_steps))

    monkeypatch.setattr(StackedTrainer, "train_until", counted)
    return trained


def of_seed(seed, kept=None, execution=BATCHED, balancing=GAN):
    """One of a family's trials."""
    *_, last = run_trial(
        config(seed=seed, balancing=balancing),
        Purpose(phase="confirm"),
        device=torch.device("cpu"),
        checkpoints=kept,
        execution=execution.for_seeds(SEEDS),
    )
    return last


def equal_parts(last):
    """What is the same in two equal trials."""
    return last.record.outcome(), content(last)


@pytest.mark.slow
def test_the_gans_of_a_family_are_trained_once_and_no_trial_depends_on_who_came_first(tmp_path, stacks):
    wanted = {seed: equal_parts(of_seed(seed)) for seed in SEEDS}
    # Three seeds, and two rare classes of equal size.
    assert stacks == 3 * [(6, 4)]
    stacks.clear()
    for order in (SEEDS, (3, 1, 2)):
        kept = Checkpoints(folder=tmp_path / str(order[0]))
        assert {seed: equal_parts(of_seed(seed, kept)) for seed in order} == wanted
        assert stacks == [(6, 4)]
        stacks.clear()
    (note,) = wanted[2][0]["notes"]
    assert note == "6 GANs were trained as one computation; the first trial of them took the time of all"


def test_a_family_has_the_records_of_trials_by_themselves(stacks):
    alone = view(of_seed(2, execution=GanExecution()))
    assert stacks == []
    together = view(of_seed(2))
    assert together.trial_id == alone.trial_id == config(seed=2, balancing=GAN).trial_id
    assert together.losses.keys() == alone.losses.keys()
    for name, losses in alone.losses.items():
        assert together.losses[name].discriminator == pytest.approx(losses.discriminator, rel=1e-3)
        assert together.losses[name].generator == pytest.approx(losses.generator, rel=1e-3)
    assert together.class_counts == alone.class_counts
    for name, score in alone.scores["validation"].items():
        assert together.scores["validation"][name] == pytest.approx(score, abs=0.02)


@pytest.mark.slow
def test_a_family_whose_first_trial_is_killed_loses_nothing_but_the_last_steps(tmp_path, stacks, monkeypatch):
    wanted = equal_parts(of_seed(1, balancing=LONG_GAN))
    stacks.clear()
    kept = Checkpoints(folder=tmp_path, every_seconds=0.0)
    train_until = StackedTrainer.train_until

    def killed_after_step_32(self, generator_steps):
        if self.generator_steps == 32:
            raise KeyboardInterrupt
        train_until(self, generator_steps)

    with monkeypatch.context() as killing:
        killing.setattr(StackedTrainer, "train_until", killed_after_step_32)
        with pytest.raises(KeyboardInterrupt):
            of_seed(3, kept, balancing=LONG_GAN)
    assert equal_parts(of_seed(1, kept, balancing=LONG_GAN)) == wanted
    assert stacks == [(6, 16), (6, 32), (6, 40)]


def test_a_family_has_no_need_of_balancers_that_train_no_gan():
    none = {"name": "none"}
    one_at_a_time = of_seed(1, balancing=none, execution=GanExecution())
    assert equal_parts(of_seed(1, balancing=none)) == equal_parts(one_at_a_time)
