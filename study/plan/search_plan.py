"""The plan of a study's search, from its configuration alone: a race, searches of its survivors, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from gan_study.study.plan.config import Ratio, StudyConfig
from gan_study.study.plan.last_round import CONTENDERS
from gan_study.study.plan.race import RaceRound, race_rounds

# Splits by number: 0 is that of the search, further ones are the race's.
LAST_ROUND_SPLIT, CHECK_SPLIT = 1, 2
_FIRST_RACE_SPLIT = 3
# The most variants that are searched at each ratio.
MOST_SURVIVORS = 2
# The most trials of the last round of one variant at one ratio: its default, its best points, the check of two.
LAST_ROUND_TRIALS = 1 + CONTENDERS + 2


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What is searched."""

    survivors: int
    """How many variants are searched at each ratio; 0 if none is. With `adaptive` 1, which Optuna chooses."""
    rounds: tuple[RaceRound, ...]
    """The race at each ratio; empty without one."""
    budgets: Mapping[Ratio, int]
    """Maximum number of search trials at each ratio, if every ratio has its own."""
    unsearched: str | None = None
    """Why nothing is searched; None if something is."""

    @property
    def splits(self) -> tuple[int, ...]:
        """The additional splits in which search trials run."""
        of_race = {split for each in self.rounds for split in each.splits} - {0}
        return (LAST_ROUND_SPLIT, CHECK_SPLIT, *sorted(of_race)) if self.survivors else ()


def plan_search(config: StudyConfig) -> SearchPlan:
    """The plan of a study's search."""
    search, ratios, num_variants = config.search, config.ratios(), len(config.space().balancers)
    share, rest = divmod(search.trials, len(ratios))
    budgets = {ratio: share + (place < rest) for place, ratio in enumerate(ratios)}
    if search.allocation == "adaptive":
        # One search of everything, every variant's default among it, and a last round at each ratio.
        needed = search.trials_each + num_variants - 1 + (len(ratios) - 1) * LAST_ROUND_TRIALS
        if search.trials >= needed:
            return SearchPlan(survivors=1, rounds=(), budgets=budgets)
        return SearchPlan(survivors=0, rounds=(), budgets=budgets, unsearched=_why_not(config, needed))
    for survivors in range(min(MOST_SURVIVORS, num_variants), 0, -1):
        rounds = race_rounds(num_variants, survivors=survivors, splits=count(_FIRST_RACE_SPLIT))
        raced = sum(each.num_variants * len(each.splits) for each in rounds)
        # A survivor's default has run in the race, and counts as one of its trials.
        needed = raced + survivors * (search.trials_each - 1)
        if share >= needed:
            return SearchPlan(survivors=survivors, rounds=rounds, budgets=budgets)
    return SearchPlan(survivors=0, rounds=(), budgets=budgets, unsearched=_why_not(config, len(ratios) * needed))


def seed_of_split(config: StudyConfig, split: int) -> int:
    """The seed of a search trial in a split: the search's own, or one below all confirm seeds.

    Further rounds of seeds count up from the largest, so the two never overlap.
    """
    return config.search.seed if split == 0 else min((*config.confirm.seeds, config.search.seed)) - split


def split_of_seed(config: StudyConfig, seed: int) -> int:
    """The split whose search trials have that seed: the inverse of `seed_of_split`."""
    return 0 if seed == config.search.seed else min((*config.confirm.seeds, config.search.seed)) - seed


def _why_not(config: StudyConfig, needed: int) -> str:
    search, num_variants, num_ratios = config.search, len(config.space().balancers), len(config.ratios())
    if search.trials == 0:
        return "search.trials is 0: the defaults are confirmed as they are"
    variants = f"{num_variants} variant{'s' if num_variants > 1 else ''}"
    ratios = f" at {num_ratios} ratios" if num_ratios > 1 else ""
    needs = f"a search takes {needed}; smaller ones give worse settings than the defaults"
    return f"{search.trials} trials for {variants}{ratios}: {needs}"
