"""The trials of a study's configuration: baselines, confirmations, and the total number."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from gan_study.study.plan.config import NO_BALANCING, Arm, StudyConfig
from gan_study.study.plan.fits import BASELINE_FITS
from gan_study.study.plan.last_round import FITS
from gan_study.study.plan.rounds import Rounds, SeedRound, all_arms, known_rounds, may_grow, most_seeds, new_seeds
from gan_study.study.plan.search_plan import CHECK_SPLIT, LAST_ROUND_SPLIT, plan_search, seed_of_split
from gan_study.study.plan.selection import ClosedSearch
from gan_study.study.plan.summary import PlanSummary, TrialCount
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.gans.batched import TrialExecution
from gan_study.trainables.records.record import Selection, TrialRecord
from gan_study.trainables.trial.config import EvaluationConfig, TrialConfig, training_length
from gan_study.trainables.trial.purpose import Purpose


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """A planned trial, and its reason."""

    config: TrialConfig
    purpose: Purpose
    arm: Arm
    execution: TrialExecution
    """How its GANs are trained."""
    checkpoint_steps: frozenset[int] = frozenset()
    """The generator steps after which its GAN's state is saved; trials of other lengths continue there."""
    keeps_gan: bool = False
    """Whether its GAN's states are not deleted, for the export of a balanced data set and for trials that wait
    for it."""
    waits_for: frozenset[str] = frozenset()
    """Trials that this one may depend on: it does not start while one of them runs and none is complete."""

    @property
    def trial_id(self) -> str:
        """The name of its configuration."""
        return self.config.trial_id

    def shares_training_with(self, other: "PlannedTrial") -> bool:
        """Whether both train the same GAN, perhaps for a different number of steps."""
        return self.keeps_gan and other.keeps_gan and self._gan() == other._gan()

    def _gan(self) -> tuple[object, ...]:
        """What the generator is and learns from, but not its length or what becomes of its images."""
        config, balancer = self.config, self.config.balancing.balancer
        assert isinstance(balancer, GeneratorBalancing)
        made_so = balancer.image_size, balancer.length.of_length(1)
        return config.seed, config.data, config.imbalance, config.balancing.name, *made_so


def planned_trial(
    study: StudyConfig, arm: Arm, balancing: BalancingConfig, purpose: Purpose, *, seed: int, fits: int = 1
) -> PlannedTrial:
    """The trial of `study` with the balancing `balancing`, at the ratio of `arm`."""
    purpose = replace(purpose, costs=study.costs)
    confirm, evaluation = study.confirm, EvaluationConfig(fits=fits)
    if purpose.phase == "confirm":
        evaluation = EvaluationConfig(
            test=True,
            test_each_epoch=confirm.test_each_epoch,
            image_features=confirm.image_features,
            frozen_baseline=confirm.frozen_baseline if arm.balancer == NO_BALANCING else None,
            fits=fits,
        )
    config = TrialConfig(
        seed=seed,
        evaluation=evaluation,
        data=study.data,
        imbalance=study.imbalance_at(arm.ratio),
        classifier=study.classifier,
        balancing=balancing,
    )
    execution = study.resources.gan_execution.for_seeds()
    return PlannedTrial(config=config, purpose=purpose, arm=arm, execution=execution)


def foreign_sections(study: StudyConfig, trial: TrialConfig) -> tuple[str, ...]:
    """The sections of a trial's configuration that no trial of `study` has: its record is one of another study."""
    imbalances = [study.imbalance_at(ratio) for ratio in study.ratios()]
    own = {
        "data": [replace(trial, data=study.data)],
        "classifier": [replace(trial, classifier=study.classifier)],
        "imbalance": [replace(trial, imbalance=imbalance) for imbalance in imbalances],
    }
    # Names leave out where files lie, which may change.
    return tuple(name for name, same in own.items() if trial.setting_id not in [each.setting_id for each in same])


def baseline_trials(config: StudyConfig) -> Iterator[PlannedTrial]:
    """No balancing and the simple methods, once for each ratio, with the search seed, on validation data.

    No balancing comes first, also in every split in which the search will try defaults: gains are measured against
    it in the same split.
    """
    yield from unbalanced_trials(config, (0, *plan_search(config).splits))
    purpose, fits = Purpose(phase="baseline", metric=config.objective), _baseline_fits(config)
    for arm in config.arms([name for name in config.simple_balancers() if name != NO_BALANCING]):
        balancing = config.balancing_by(arm.balancer)
        yield planned_trial(config, arm, balancing, purpose, seed=config.search.seed, fits=fits)


def unbalanced_trials(config: StudyConfig, splits: Iterable[int]) -> Iterator[PlannedTrial]:
    """No balancing at each ratio in each of the `splits`, on validation data."""
    purpose, balancing = Purpose(phase="baseline", metric=config.objective), config.balancing_by(NO_BALANCING)
    for split in splits:
        fits = FITS if split in (LAST_ROUND_SPLIT, CHECK_SPLIT) else _baseline_fits(config)
        for arm in config.arms([NO_BALANCING]):
            yield planned_trial(config, arm, balancing, purpose, seed=seed_of_split(config, split), fits=fits)


def _baseline_fits(config: StudyConfig) -> int:
    # Where the confirmation's fits are to be decided, baselines show how much fits differ; and what gains are
    # measured against has as many as they have.
    shown = BASELINE_FITS if config.confirm.fits == "auto" else 1
    return max(shown, config.search.fits if plan_search(config).survivors else 1)


def confirmations(
    config: StudyConfig, closed: ClosedSearch, rounds: Sequence[SeedRound]
) -> Iterator[PlannedTrial]:
    """The arms of each round with its seeds: the only trials that read the test set.

    Raises ConfigError if a round has an arm that is not in the study, or one without chosen settings.
    """
    arms = {
        arm: (config.balancing_by(arm.balancer), Selection(search_trials=0))
        for arm in config.arms(config.simple_balancers())
    }
    arms |= {Arm(balancer=s.balancer, ratio=s.ratio): (s.balancing, s.selection) for s in closed.configurations}
    for number, seeds in enumerate(new_seeds(rounds), start=1):
        of_arms = []
        for arm in seeds:
            if arm not in arms:
                raise ConfigError(
                    f"{arm.balancer!r} at ratio {arm.ratio} is confirmed, but no settings were chosen"
                )
            balancing, selection = arms[arm]
            purpose = Purpose(phase="confirm", metric=config.objective, selection=replace(selection, round=number))
            of_arms.append(_confirm(config, arm, balancing, purpose, seeds=seeds[arm], fits=closed.fits))
        # Seed by seed, so that a study that is cut off has confirmed every arm equally often.
        yield from (trial for trial in chain.from_iterable(zip_longest(*of_arms)) if trial is not None)


def _confirm(
    config: StudyConfig,
    arm: Arm,
    balancing: BalancingConfig,
    purpose: Purpose,
    *,
    seeds: tuple[int, ...],
    fits: int,
) -> list[PlannedTrial]:
    """The trials of one arm in one round, one for each of its seeds."""
    trials = [planned_trial(config, arm, balancing, purpose, seed=seed, fits=fits) for seed in seeds]
    if training_length(balancing) is None:
        return trials
    execution = config.resources.gan_execution.for_seeds(seeds)
    waits_for = frozenset(trial.trial_id for trial in trials) if execution.is_shared else frozenset()
    return [replace(each, keeps_gan=True, execution=execution, waits_for=waits_for) for each in trials]


def num_trials(config: StudyConfig, saved: Rounds | None, closed: ClosedSearch | None = None) -> TrialCount:
    """How many trials a study has; `saved` as in `known_rounds`, `closed` once the search is over."""
    rounds, is_searched = known_rounds(config, saved), plan_search(config).survivors > 0
    num_searched, is_open = config.search.trials if is_searched else 0, is_searched
    if closed is not None and closed.num_searched is not None:
        num_searched, is_open = closed.num_searched, False
    before = sum(1 for _ in baseline_trials(config)) + num_searched
    if may_grow(config, rounds) and (most := most_seeds(config, rounds)) > rounds.num_seeds:
        return TrialCount(number=before + len(all_arms(config)) * most, is_most=True)
    confirmed = sum(len(seeds) for each in new_seeds(rounds.rounds) for seeds in each.values())
    return TrialCount(number=before + confirmed, is_most=is_open)


def is_done(
    config: StudyConfig,
    *,
    record_of: Callable[[str], TrialRecord | None],
    closed: ClosedSearch | None,
    saved: Rounds | None,
) -> bool:
    """Whether every trial of a study has its record, and no round of seeds can follow; as `last_trials`."""
    last = last_trials(config, closed=closed, saved=saved)
    return last is not None and all(record_of(trial_id) is not None for trial_id in last)


def last_trials(
    config: StudyConfig, *, closed: ClosedSearch | None, saved: Rounds | None
) -> tuple[str, ...] | None:
    """The ids of the trials that complete a study; None while the search runs or a further round may follow.

    `closed` is None until the search is over; `saved` as in `known_rounds`. Raises ConfigError if they do not fit
    together.
    """
    if closed is None:
        return None
    rounds = known_rounds(config, saved)
    # First of all, as it raises what is wrong with the rounds.
    confirmed = tuple(confirmations(config, closed, rounds.rounds))
    if may_grow(config, rounds):
        return None
    return tuple(trial.trial_id for trial in chain(baseline_trials(config), confirmed))


def summarise_plan(config: StudyConfig, *, closed: ClosedSearch | None, saved: Rounds | None) -> PlanSummary:
    """What `gan-study status` prints about the plan; raises ConfigError as `last_trials` does."""
    rounds = known_rounds(config, saved)
    return PlanSummary(
        num_trials=num_trials(config, saved, closed),
        last_trials=last_trials(config, closed=closed, saved=saved),
        num_rounds=len(rounds.rounds),
        num_seeds=rounds.num_seeds,
        why_no_round=rounds.end,
        why_short_search=_why_short_search(config, closed),
    )


def _why_short_search(config: StudyConfig, closed: ClosedSearch | None) -> str | None:
    trials, unsearched = config.search.trials, plan_search(config).unsearched
    if unsearched is not None and trials > 0:
        return f"none; {unsearched}"
    if closed is None or closed.why_short is None:
        return None
    return f"ended after {closed.num_searched} of {trials} trials; {closed.why_short}"
