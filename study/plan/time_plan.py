"""What fits into a time budget: a pure function of a study's configuration, of what trials cost, and of the time.

A study leaves things out in one fixed order, whatever the budget: `concessions` lists the studies from the whole
one to the smallest. The first one that fits is run, so more time never means leaving out more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from typing import Any, Literal, TypeAlias

from gan_study.search_spaces.space import BALANCER
from gan_study.study.plan import costs, fixed_costs
from gan_study.study.plan.config import NO_BALANCING, Ratio, StudyConfig
from gan_study.study.plan.costs import Speeds, Workload
from gan_study.study.plan.fits import MOST_FITS
from gan_study.study.plan.rounds import Rounds, SeedRound, all_arms, known_rounds, may_grow, most_seeds
from gan_study.study.plan.search_plan import plan_search
from gan_study.study.plan.selection import ClosedSearch, SelectedConfig
from gan_study.study.plan.trials import PlannedTrial, baseline_trials, confirmations, planned_trial
from gan_study.study.plan.verdict_plan import look_schedule, seeds_of_round
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.tunable import Choice
from gan_study.trainables.gans.length import TrainingLength
from gan_study.trainables.records.record import Selection
from gan_study.trainables.records.study_header import DUPLICATES
from gan_study.trainables.trial.config import training_length, with_length
from gan_study.trainables.trial.purpose import Purpose

Phase: TypeAlias = Literal["baseline", "search", "confirm"]

# A verdict needs three seeds (`analysis/inference/looks.py`, MINIMUM_SEEDS).
FEWEST_SEEDS = 3
# The GAN that is given up last: a plain one whose gain was measured (issue 28: 7 to 10 points of minority recall
# on Fashion-MNIST after 3,000 steps).
KEPT_GAN = "dcgan"
# The re-weighting that is given up last: the first of these that the study has.
REWEIGHTINGS = ("class_weights", "balanced_softmax", "class_balanced_loss", "logit_adjustment", "ldam_drw")
UPPER_BOUND = "real_upper_bound"
# What is left of the GANs' lengths when nothing else can be given up.
SHARES_OF_LENGTH = (0.5, 0.25, 0.125, 0.0625)
# A GAN that is cut short answers less, so it has to save this share of the study's time.
LEAST_SAVED_BY_LENGTH = 0.05
# Room for what an estimate misses.
CONTINGENCY = 1.1


@dataclass(frozen=True, kw_only=True)
class Records:
    """What a study's folder already has."""

    trial_ids: frozenset[str] = frozenset()
    num_searched: int = 0
    closed: ClosedSearch | None = None
    rounds: Rounds | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What trials cost here: speeds and images, and how many trials run at once."""

    speeds: Speeds
    workloads: Mapping[Ratio, Workload]
    num_workers: int
    slowness: float = 1.0
    """How much slower than the machine on which the time before and after the trials was measured."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study, and what it leaves out of the whole one, each as a sentence without its end."""

    config: StudyConfig
    left_out: Mapping[str, str] = field(default_factory=dict)
    """By what is left out: "search", "rounds", "fits", "floors", "gans", "seeds", "methods", "lengths"."""

    def without(self, what: str, sentence: str, config: StudyConfig | None = None) -> "Plan":
        """The plan that also leaves out `what`; an earlier sentence on it is replaced."""
        return Plan(config=config or self.config, left_out={**self.left_out, what: sentence})

    def with_all(self, what: str, config: StudyConfig | None = None) -> "Plan":
        """The plan that no longer leaves `what` out."""
        left_out = {key: sentence for key, sentence in self.left_out.items() if key != what}
        return Plan(config=config or self.config, left_out=left_out)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The remaining duration of a study."""

    trials: Mapping[Phase, Sequence[PlannedTrial]]
    seconds: Mapping[Phase, float]
    """Wall time with all workers."""
    report: float
    beside: float
    """Seconds outside of trials: starting and stopping Ray's workers, and the report."""

    @property
    def total(self) -> float:
        """Seconds from the start of the command to the end of its report."""
        return CONTINGENCY * sum(self.seconds.values()) + self.beside


NOTHING = Records()


def plan_within(config: StudyConfig, machine: Machine, seconds: float) -> Plan:
    """The largest study after `config` that ends, report included, within `seconds`; the smallest if none does."""
    plans = list(concessions(config, machine))
    fitting = (plan for plan in plans if forecast_of(plan, machine).total <= seconds)
    return next(fitting, plans[-1])


# What there is to run


def forecast(
    config: StudyConfig, machine: Machine, recorded: Records = NOTHING, *, with_rounds: bool = True
) -> Forecast:
    """The remaining trials of a study and their time: up to its maximum number of seeds, or those of its rounds
    so far.

    A search trial is assumed to have the average length in the space, and the number of fits, if not yet decided,
    its maximum.
    """
    trials = trials_left(config, recorded, with_rounds=with_rounds)
    loads = {phase: list(costs.loads(some, machine.workloads, machine.speeds)) for phase, some in trials.items()}
    report = machine.slowness * fixed_costs.report_seconds(len(trials["confirm"]) + len(recorded.trial_ids))
    return Forecast(
        trials=trials,
        seconds={phase: costs.makespan(some, machine.num_workers) for phase, some in loads.items()},
        report=report,
        beside=report + machine.slowness * (fixed_costs.START_SECONDS + fixed_costs.CLOSE_SECONDS),
    )


def forecast_of(plan: Plan, machine: Machine, recorded: Records = NOTHING) -> Forecast:
    """The remaining trials of a plan and their time."""
    return forecast(plan.config, machine, recorded, with_rounds="rounds" not in plan.left_out)


def trials_left(
    config: StudyConfig, recorded: Records = NOTHING, *, with_rounds: bool = True
) -> dict[Phase, list[PlannedTrial]]:
    """The trials of each phase that have no record; those of the search stand for points that are not chosen
    yet.
    """
    rounds = known_rounds(config, recorded.rounds)
    if with_rounds and may_grow(config, rounds):
        rounds = replace(rounds, rounds=(*rounds.rounds, *_further(config, rounds)))
    closed = recorded.closed or default_selection(config)
    planned: dict[Phase, Iterable[PlannedTrial]] = {
        "baseline": baseline_trials(config),
        "search": search_trials(config, num_search_trials(config) - recorded.num_searched),
        "confirm": confirmations(config, closed, rounds.rounds),
    }
    if not recorded.trial_ids:
        # A new study's: naming each of its trials would be half of all the work.
        return {phase: list(some) for phase, some in planned.items()}
    return {
        phase: [trial for trial in some if phase == "search" or trial.trial_id not in recorded.trial_ids]
        for phase, some in planned.items()
    }


def _further(config: StudyConfig, rounds: Rounds) -> Iterator[SeedRound]:
    """The rounds of seeds that follow if every arm stays open."""
    most = most_seeds(config, rounds)
    for number, look in enumerate(look_schedule(config.confirm), start=1):
        if rounds.num_seeds < look <= most:
            yield SeedRound(seeds=seeds_of_round(config, number), arms=all_arms(config))


def default_selection(config: StudyConfig) -> ClosedSearch:
    """The result of a search that chose the defaults and the maximum number of fits."""
    fits = config.confirm.fits
    return ClosedSearch(
        configurations=tuple(
            SelectedConfig(
                balancer=arm.balancer,
                ratio=arm.ratio,
                balancing=config.balancing_by(arm.balancer),
                selection=Selection(search_trials=0),
            )
            for arm in config.arms(config.space().balancers)
        ),
        fits=MOST_FITS if fits == "auto" else fits,
    )


def num_search_trials(config: StudyConfig) -> int:
    """Maximum number of search trials of a study: none if there are too few for one search."""
    return config.search.trials if plan_search(config).unsearched is None else 0


def search_trials(config: StudyConfig, number: int) -> Iterator[PlannedTrial]:
    """This number of search trials, the balancers in turn, each with the average length of a point of the
    space.
    """
    purpose = Purpose(phase="search", metric=config.objective)
    of_arms = []
    for arm in config.arms(config.space().balancers)[: max(0, number)]:
        balancing, steps = config.balancing_by(arm.balancer), costs.mean_searched_steps(config, arm.balancer)
        length = training_length(balancing)
        if length is not None and steps is not None:
            balancing = with_length(balancing, length.of_length(steps))
        of_arms.append(planned_trial(config, arm, balancing, purpose, seed=config.search.seed))
    return islice(cycle(of_arms), max(0, number))


# What is given up, in this order


def concessions(config: StudyConfig, machine: Machine) -> Iterator[Plan]:
    """The study, then ever smaller ones: each leaves out something more than the one before."""
    plan = Plan(config=config)
    yield plan
    for concede in (_search, _rounds, _fits, _floors, _gans, _seeds, _methods, _lengths):
        for smaller in concede(plan, machine):
            yield (plan := smaller)


def _search(plan: Plan, machine: Machine) -> Iterator[Plan]:
    """Half of the search as often as enough is left for one (`search_plan.py`), and then none."""
    asked = num_search_trials(plan.config)
    for trials in shorter_searches(plan.config):
        plan = with_search(plan, trials, asked=asked)
        yield plan


def shorter_searches(config: StudyConfig) -> list[int]:
    """Ever smaller numbers of trials for the search of `config`, down to none."""
    if not num_search_trials(config):
        return []
    found, trials = [], config.search.trials // 2
    while num_search_trials(replace(config, search=replace(config.search, trials=trials))):
        found.append(trials)
        trials //= 2
    return [*found, 0]


def with_search(plan: Plan, trials: int, *, asked: int) -> Plan:
    """`plan` with this number of search trials instead of those `asked` for."""
    sentence = f"the search has {trials} of {asked} trials"
    config = replace(plan.config, search=replace(plan.config.search, trials=trials))
    return plan.without(
        "search", sentence if trials else "no search: every method has its default settings", config
    )


def _rounds(plan: Plan, machine: Machine) -> Iterator[Plan]:
    """Rounds beyond the first count no more: they begin if there is time, and the plan of looks stays."""
    if plan.config.confirm.until == "decided":
        yield plan.without("rounds", "further rounds of seeds begin only if there is time")


def _fits(plan: Plan, machine: Machine) -> Iterator[Plan]:
    asked = plan.config.confirm.fits
    most = MOST_FITS + 1 if asked == "auto" else asked
    for fits in range(most - 1, 0, -1):
        yield with_fits(plan, fits, asked=asked)


def with_fits(plan: Plan, fits: int, *, asked: int | Literal["auto"]) -> Plan:
    """`plan` with this number of classifiers for each confirmed trial instead of those `asked` for."""
    sentence = f"each confirmed trial fits {fits} classifier{'s' if fits > 1 else ''} instead of {asked}"
    return plan.without("fits", sentence, _with_confirm(plan.config, fits=fits))


def _with_confirm(config: StudyConfig, **changes: Any) -> StudyConfig:
    return replace(config, confirm=replace(config.confirm, **changes))


def _floors(plan: Plan, machine: Machine) -> Iterator[Plan]:
    """Trainings that end by themselves end where they may first do so."""
    config = plan.config
    floors = {name: costs.at_floor(length) for name, length in lengths_of(config).items()}
    shorter = {name: floor for name, floor in floors.items() if floor != lengths_of(config)[name]}
    if shorter:
        smaller = with_floors(plan, shorter)
        # With few images a training takes its least length anyway.
        if forecast_of(smaller, machine).total < forecast_of(plan, machine).total:
            yield smaller


def with_floors(plan: Plan, floors: Mapping[str, TrainingLength]) -> Plan:
    """`plan` with these GANs trained for their minimum length."""
    sentence = f"{', '.join(floors)}: trained for the least length only, even if images are still improving"
    return plan.without("floors", sentence, with_lengths(plan.config, floors))


def lengths_of(config: StudyConfig) -> dict[str, TrainingLength]:
    """The settings of the trainings of the generators that are searched."""
    settings = {name: training_length(config.balancing_by(name)) for name in config.space().balancers}
    return {name: length for name, length in settings.items() if length is not None}


def with_lengths(config: StudyConfig, lengths: Mapping[str, TrainingLength]) -> StudyConfig:
    """`config` with other settings of the trainings of these generators."""
    settings = {}
    for name, length in lengths.items():
        dumped = with_length(config.balancing_by(name), length).dump()
        settings[name] = {key: value for key, value in dumped.items() if key != "name"}
    return replace(config, balancers={**config.balancers, **settings})


def _gans(plan: Plan, machine: Machine) -> Iterator[Plan]:
    """The dearest GANs and other generators first; one stays."""
    config, searched = plan.config, plan.config.space().balancers
    gans = [name for name in searched if BALANCERS[name].trains_generator]
    seconds = _seconds_of_arms(config, machine)
    order = sorted(gans, key=lambda name: (name != KEPT_GAN, seconds[name]))
    for kept in range(len(gans) - 1, 0, -1):
        yield without_gans(plan, order[kept:], asked=searched)


def without_gans(plan: Plan, left_out: Sequence[str], *, asked: Sequence[str]) -> Plan:
    """`plan` with the balancers `asked` for except these GANs."""
    options = tuple(name for name in asked if name not in left_out)
    parameters = {**plan.config.search.parameters, BALANCER: Choice(options=options)}
    smaller = replace(plan.config, search=replace(plan.config.search, parameters=parameters))
    return plan.without("gans", f"generators left out: {', '.join(left_out)}", smaller)


def _seconds_of_arms(config: StudyConfig, machine: Machine) -> dict[str, float]:
    """Seconds that a seed of each balancer takes at all ratios."""
    first = SeedRound(seeds=config.confirm.seeds[:1], arms=all_arms(config))
    seconds: dict[str, float] = {}
    for trial in confirmations(config, default_selection(config), [first]):
        name, workload = trial.arm.balancer, machine.workloads[trial.arm.ratio]
        seconds[name] = seconds.get(name, 0.0) + costs.trial_seconds(trial, workload, machine.speeds)
    return seconds


def _seeds(plan: Plan, machine: Machine) -> Iterator[Plan]:
    asked = plan.config.confirm.seeds
    for number in range(len(asked) - 1, FEWEST_SEEDS - 1, -1):
        yield with_seeds(plan, asked[:number], asked=asked)


def with_seeds(plan: Plan, seeds: tuple[int, ...], *, asked: Sequence[int]) -> Plan:
    """`plan` with these seeds of those `asked` for."""
    sentence = f"{len(seeds)} seeds instead of {len(asked)}"
    return plan.without("seeds", sentence, _with_confirm(plan.config, seeds=seeds))


def _methods(plan: Plan, machine: Machine) -> Iterator[Plan]:
    """The simple methods that no verdict needs, the last named first."""
    config = plan.config
    reweighting = next((name for name in REWEIGHTINGS if name in config.baselines), None)
    needed = {NO_BALANCING, DUPLICATES, UPPER_BOUND, reweighting, *config.space().balancers}
    spare = [name for name in config.baselines if name not in needed]
    for kept in range(len(spare) - 1, -1, -1):
        yield without_methods(plan, spare[kept:], asked=config.baselines)


def without_methods(plan: Plan, left_out: Sequence[str], *, asked: Sequence[str]) -> Plan:
    """`plan` with the simple methods `asked` for except these."""
    baselines = tuple(name for name in asked if name not in left_out)
    sentence = f"simple methods left out: {', '.join(left_out)}"
    return plan.without("methods", sentence, replace(plan.config, baselines=baselines))


def _lengths(plan: Plan, machine: Machine) -> Iterator[Plan]:
    """GANs shorter than they should be, which says nothing against them, as long as that saves time."""
    gans = lengths_of(plan.config)
    seconds = forecast_of(plan, machine).total
    for share in SHARES_OF_LENGTH:
        if gans:
            plan = with_share_of_lengths(plan, gans, share)
            shorter_seconds = forecast_of(plan, machine).total
            if shorter_seconds > (1 - LEAST_SAVED_BY_LENGTH) * seconds:
                return
            yield plan
            seconds = shorter_seconds


def with_share_of_lengths(plan: Plan, gans: Mapping[str, TrainingLength], share: float) -> Plan:
    """`plan` with these GANs trained for a `share` of the length in their settings."""
    shorter = {name: costs.with_share_of_length(gan, share) for name, gan in gans.items()}
    sentence = (
        f"WARNING: generators are trained for {share:g} of their length, too short to conclude that they do not "
        "help"
    )
    return plan.without("lengths", sentence, with_lengths(plan.config, shorter))
