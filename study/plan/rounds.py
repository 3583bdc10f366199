"""Rounds of seeds: which seeds confirm which arms, and why no further round follows; saved in the study folder."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from gan_study.study.plan.config import NO_BALANCING, Arm, StudyConfig
from gan_study.study.plan.verdict_plan import look_schedule, seeds_of_round
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.seal import sealed, unsealed
from gan_study.trainables.base.settings import ConfigError, dump, from_json, parse, settings
from gan_study.trainables.runtime.storage import write_atomically

EndOfRounds: TypeAlias = Literal["decided", "most seeds", "time budget", "cannot be decided"]


@settings
class SeedRound:
    """A round of seeds; an arm that missed earlier rounds also gets their seeds, since its pairs need them."""

    seeds: tuple[int, ...]
    """The seeds that are not in earlier rounds."""
    arms: tuple[Arm, ...]
    """The balancers, each at a ratio, that are confirmed with them."""


@settings
class Rounds:
    """The rounds so far, the first of which confirms every arm."""

    rounds: tuple[SeedRound, ...]
    """In their order."""
    end: EndOfRounds | None = None
    """Why no further round follows; None if this is not decided yet, or if the number of seeds is fixed."""
    asked_seeds: int | None = None
    """The total number of seeds to which a person extended the study within its plan; None if nobody did."""

    @property
    def num_seeds(self) -> int:
        """The number of seeds of an arm that was in every round."""
        return sum(len(each.seeds) for each in self.rounds)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Questions for the analysis when all trials of the rounds so far have ended."""

    open_arms: Callable[[], frozenset[Arm]]
    """The arms that further seeds may decide, and the references that they are compared with."""
    is_decided: Callable[[], bool]
    """Whether every comparison is decided."""
    has_time_for: Callable[[Sequence[str]], bool]
    """Whether a confirmed trial of each of these balancers fits into the remaining time."""


def all_arms(config: StudyConfig) -> tuple[Arm, ...]:
    """Every balancer at every ratio: the arms of the first round."""
    return (*config.arms(config.simple_balancers()), *config.arms(config.space().balancers))


def known_rounds(config: StudyConfig, saved: Rounds | None) -> Rounds:
    """The rounds so far, of which `saved` is what the study folder has.

    Seeds of the configuration that are in no saved round were added after the study had begun, for every arm. The
    same is true of arms that are not in the first round: there was no time for them then, and they are confirmed
    in the same way.
    """
    rounds = Rounds(rounds=()) if saved is None else saved
    if rounds.rounds:
        first, *further = rounds.rounds
        if missing := tuple(arm for arm in all_arms(config) if arm not in first.arms):
            whole = replace(first, arms=(*first.arms, *missing))
            rounds = replace(rounds, rounds=(whole, *further), end=None)
    known = {seed for each in rounds.rounds for seed in each.seeds}
    added = tuple(seed for seed in config.confirm.seeds if seed not in known)
    if not added:
        return rounds
    of_all = SeedRound(seeds=added, arms=all_arms(config))
    return replace(rounds, rounds=(*rounds.rounds, of_all), end=None)


def may_grow(config: StudyConfig, rounds: Rounds) -> bool:
    """Whether another round may follow."""
    return config.confirm.until == "decided" and rounds.end is None


def most_seeds(config: StudyConfig, rounds: Rounds) -> int:
    """Maximum number of seeds of an arm."""
    planned = look_schedule(config.confirm)[-1]
    return min(planned, rounds.asked_seeds or planned) if may_grow(config, rounds) else rounds.num_seeds


def new_seeds(rounds: Sequence[SeedRound]) -> Iterator[dict[Arm, tuple[int, ...]]]:
    """For each round, the seeds with which each of its arms is confirmed: all seeds so far that it lacks."""
    so_far: tuple[int, ...] = ()
    had: defaultdict[Arm, tuple[int, ...]] = defaultdict(tuple)
    for each in rounds:
        so_far += each.seeds
        yield {arm: tuple(seed for seed in so_far if seed not in had[arm]) for arm in each.arms}
        had.update(dict.fromkeys(each.arms, so_far))


def decide_next(config: StudyConfig, rounds: Rounds, questions: Questions) -> Rounds:
    """`rounds`, whose trials have all ended, with a new round, or with the reason why there is none.

    A person who asks for more seeds gets them, even if everything is decided, if there is time.
    """
    is_asked = rounds.num_seeds < (rounds.asked_seeds or 0)
    if not is_asked and questions.is_decided():
        return replace(rounds, end="decided")
    looks, most = look_schedule(config.confirm), most_seeds(config, rounds)
    following = [number for number, look in enumerate(looks, start=1) if rounds.num_seeds < look <= most]
    if not following:
        return replace(rounds, end="most seeds")
    arms = all_arms(config)
    is_open = questions.open_arms() or (frozenset(arms) if is_asked else frozenset())
    if not is_open:
        return replace(rounds, end="cannot be decided")
    # No balancing is what every gain is measured against.
    chosen = tuple(arm for arm in arms if arm in is_open or arm.balancer == NO_BALANCING)
    further = SeedRound(seeds=seeds_of_round(config, following[0]), arms=chosen)
    return _add(rounds, further, questions)


def _add(rounds: Rounds, further: SeedRound, questions: Questions) -> Rounds:
    """`rounds` with a further one, if there is time for it."""
    extended = (*rounds.rounds, further)
    (*_, added) = new_seeds(extended)
    if not questions.has_time_for([arm.balancer for arm, seeds in added.items() for _ in seeds]):
        return replace(rounds, end="time budget")
    return replace(rounds, rounds=extended)


def write_rounds(path: Path, rounds: Rounds, *, patience_seconds: float = 0.0) -> None:
    """Save `rounds`; equal rounds give equal bytes."""
    content = json.dumps(sealed(dump(rounds)), indent=2, sort_keys=True) + "\n"
    write_atomically(path, content.encode(), patience_seconds=patience_seconds)


def read_rounds(path: Path) -> Rounds | None:
    """The rounds that were saved; None if only the first is known. Raises ConfigError if they are damaged."""
    if not path.exists():
        return None
    try:
        return parse(Rounds, unsealed(from_json(read_bytes(path))), where="")
    except ConfigError as error:
        raise ConfigError(f"{path} is damaged: {error}") from None
