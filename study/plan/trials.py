"""The trials that a study's configuration asks for: baselines, confirmations, and how many there are of all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from gan_study.study.plan.config import Cell, StudyConfig
from gan_study.study.plan.selection import SelectedConfig
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.gans.batched import TrialExecution
from gan_study.trainables.record import Selection, TrialRecord
from gan_study.trainables.trial.config import EvaluationConfig, TrialConfig, gan_settings
from gan_study.trainables.trial.outcome import Purpose


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """A trial that is to be run, and why."""

    config: TrialConfig
    purpose: Purpose
    cell: Cell
    execution: TrialExecution
    """How its GANs are trained."""
    checkpoint_epochs: frozenset[int] = frozenset()
    """The epochs after which its GAN's state is saved: trials that differ in `epochs` alone continue from there,
    and so does the export of a balanced data set."""
    waits_for: frozenset[str] = frozenset()
    """Trials whose first to be complete leaves what this one needs: it does not begin before, while one runs."""

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
    study: StudyConfig, cell: Cell, balancing: BalancingConfig, purpose: Purpose, *, seed: int
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
        balancing=balancing,
    )
    execution = study.resources.gan_execution.for_seeds()
    return PlannedTrial(config=config, purpose=purpose, cell=cell, execution=execution)


def baseline_trials(config: StudyConfig) -> Iterator[PlannedTrial]:
    """No balancing and the simple methods, once for each ratio, with the search seed, on validation data."""
    purpose = Purpose(phase="baseline", metric=config.objective)
    for cell in config.cells(config.simple_balancers()):
        yield planned_trial(config, cell, config.balancing_by(cell.balancer), purpose, seed=config.search.seed)


def confirmations(config: StudyConfig, selected: Sequence[SelectedConfig]) -> Iterator[PlannedTrial]:
    """Every balancer at every ratio with every fresh seed: the only trials that read the test part."""
    simple = [
        (cell, config.balancing_by(cell.balancer), Selection(search_trials=0))
        for cell in config.cells(config.simple_balancers())
    ]
    searched = [(Cell(balancer=s.balancer, ratio=s.ratio), s.balancing, s.selection) for s in selected]
    arms = [_confirm(config, *arm) for arm in (*simple, *searched)]
    # Seed by seed, so that a study that is cut off has confirmed every arm equally often.
    return chain.from_iterable(zip(*arms, strict=True))


def _confirm(
    config: StudyConfig, cell: Cell, balancing: BalancingConfig, selection: Selection
) -> list[PlannedTrial]:
    """The trials of one arm, one for each fresh seed."""
    purpose = Purpose(phase="confirm", metric=config.objective, selection=selection)
    trials = [planned_trial(config, cell, balancing, purpose, seed=seed) for seed in config.confirm.seeds]
    gan = gan_settings(balancing)
    if gan is None:
        return trials
    execution = config.resources.gan_execution.for_seeds(config.confirm.seeds)
    waits_for = frozenset(trial.trial_id for trial in trials) if execution.is_shared else frozenset()
    epochs = frozenset({gan.epochs})
    return [replace(each, checkpoint_epochs=epochs, execution=execution, waits_for=waits_for) for each in trials]


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
