"""The trials that a study's configuration asks for: baselines, confirmations, and how many there are of all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

from pydantic import JsonValue

from gan_study.study.plan.config import Cell, StudyConfig
from gan_study.study.plan.selection import SelectedConfig
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.record import Selection, TrialRecord
from gan_study.trainables.trial.config import EvaluationConfig, TrialConfig, gan_settings
from gan_study.trainables.trial.outcome import Purpose


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """A trial that is to be run, and why."""

    config: TrialConfig
    purpose: Purpose
    cell: Cell
    checkpoint_epochs: frozenset[int] = frozenset()
    """The epochs after which its GAN's state is saved: trials that differ in `epochs` alone continue from there,
    and so does the export of a balanced data set."""
    family: tuple[int, ...] = ()
    """The seeds, this trial's among them, of otherwise equal trials whose GANs are trained as one computation."""

    @property
    def trial_id(self) -> str:
        """The name of its configuration."""
        return self.config.trial_id

    def shares_training_with(self, other: "PlannedTrial") -> bool:
        """Whether both train the same GAN, perhaps for a different number of epochs."""
        return bool(self.checkpoint_epochs and other.checkpoint_epochs) and self._gan() == other._gan()

    def _gan(self) -> tuple[object, ...]:
        """What the GAN is and learns from, but not its length or what becomes of its images."""
        config, balancer = self.config, self.config.balancing.balancer
        assert isinstance(balancer, GanBalancing)
        gan = replace(balancer.gan, epochs=1, milestones=())
        return config.seed, config.data, config.imbalance, balancer.name, balancer.image_size, gan


def planned_trial(
    study: StudyConfig, cell: Cell, balancing: Mapping[str, JsonValue], purpose: Purpose, *, seed: int
) -> PlannedTrial:
    """The trial of `study` that balances as `balancing` says, at the ratio of `cell`."""
    purpose = replace(purpose, costs=study.costs)
    confirm, evaluation = study.confirm, EvaluationConfig()
    if purpose.phase == "confirm":
        evaluation = EvaluationConfig(
            test=True, test_each_epoch=confirm.test_each_epoch, image_features=confirm.image_features
        )
    config = TrialConfig(
        seed=seed,
        evaluation=evaluation,
        data=study.data,
        imbalance=study.imbalance_at(cell.ratio),
        classifier=study.classifier,
        balancing=parse_balancing(balancing),
    )
    return PlannedTrial(config=config, purpose=purpose, cell=cell)


def baseline_trials(config: StudyConfig) -> Iterator[PlannedTrial]:
    """No balancing and the simple methods, once for each ratio, with the search seed, on validation data."""
    purpose = Purpose(phase="baseline", metric=config.objective)
    for cell in config.cells(config.simple_balancers()):
        yield planned_trial(config, cell, config.settings_of(cell.balancer), purpose, seed=config.search.seed)


def confirmations(config: StudyConfig, selected: Sequence[SelectedConfig]) -> Iterator[PlannedTrial]:
    """Every balancer at every ratio with every fresh seed: the only trials that read the test part."""
    simple = [
        (cell, config.settings_of(cell.balancer), Selection(search_trials=0))
        for cell in config.cells(config.simple_balancers())
    ]
    searched = [(Cell(balancer=s.balancer, ratio=s.ratio), s.balancing, s.selection) for s in selected]
    is_batched = config.resources.gan_execution.way == "batched"
    for seed, (cell, balancing, selection) in product(config.confirm.seeds, [*simple, *searched]):
        purpose = Purpose(phase="confirm", metric=config.objective, selection=selection)
        trial = planned_trial(config, cell, balancing, purpose, seed=seed)
        gan = gan_settings(trial.config.balancing)
        yield replace(
            trial,
            checkpoint_epochs=frozenset() if gan is None else frozenset({gan.epochs}),
            family=config.confirm.seeds if is_batched and BALANCERS[cell.balancer].is_gan else (),
        )


def num_confirmations(config: StudyConfig) -> int:
    """How many trials the confirmation has."""
    balancers = (*config.simple_balancers(), *config.space().balancers)
    return len(config.cells(balancers)) * len(config.confirm.seeds)


def num_trials(config: StudyConfig) -> int:
    """How many trials a study has, if every search trial finds something to try."""
    return len(config.cells(config.simple_balancers())) + config.search.trials + num_confirmations(config)


def is_done(
    config: StudyConfig,
    *,
    record_of: Callable[[str], TrialRecord | None],
    selected: Sequence[SelectedConfig] | None,
) -> bool:
    """Whether every trial of a study has its record; `selected` is None until the search is over."""
    if selected is None:
        return False
    trials = chain(baseline_trials(config), confirmations(config, selected))
    return all(record_of(trial.trial_id) is not None for trial in trials)
