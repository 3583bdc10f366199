"""The verdicts of comparisons that are corrected together, from their looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from gan_study.analysis.inference import looks as sequential
from gan_study.analysis.inference.looks import Levels, Look
from gan_study.analysis.inference.statistics import LEVEL, HolmResult, holm

Verdict: TypeAlias = Literal["helps", "hurts", "no worthwhile difference", "undecided"]
Looks: TypeAlias = Sequence[Look]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict on a comparison, and the final levels of its tests."""

    looks: tuple[Look, ...]
    verdict: Verdict
    level: float
    """The level of the test for no gain at all."""
    difference_p: float
    """The p value of that test, corrected."""
    equivalence_level: float
    """The level of the two one-sided tests of a gain as large as the margin."""
    equivalence_p: float
    """Its p value, corrected."""

    @property
    def levels(self) -> Levels:
        """The levels of both tests."""
        return Levels(self.level, self.equivalence_level)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """The interval that agrees with the verdict; None before the first look.

        A method helps or hurts if it lies on one side of 0, and makes no worthwhile difference if it lies within
        the margin. If nothing is decided it is the wider one of both tests.
        """
        if not self.looks:
            return None
        # Two one-sided tests at a level are an interval at twice the level.
        levels = {"no worthwhile difference": 2 * self.equivalence_level, "helps": self.level, "hurts": self.level}
        level = levels.get(self.verdict, min(self.level, 2 * self.equivalence_level))
        return sequential.interval(self.looks, level)


def decide(family: Sequence[Looks], *, size: int, margin: float) -> tuple[Decision, ...]:
    """The decisions on a family of comparisons, in their order, corrected by Holm's procedure for `size` of them.

    Differences from 0 are corrected together, and so are differences within the margin: each kind of finding is
    false somewhere in the family in at most one study of twenty, whenever the looks end.
    """
    different = holm([sequential.difference_p(looks) for looks in family], number=size)
    alike = holm([sequential.equivalence_p(looks, margin) for looks in family], number=size)
    return tuple(map(_decision, family, different, alike))


def _decision(looks: Looks, different: HolmResult, alike: HolmResult) -> Decision:
    verdict: Verdict = "undecided"
    if alike.p_value < LEVEL:
        verdict = "no worthwhile difference"
    elif different.p_value < LEVEL:
        clearest = min(looks, key=lambda look: sequential.difference_p([look]))
        verdict = "helps" if clearest.mean > 0 else "hurts"
    return Decision(
        looks=tuple(looks),
        verdict=verdict,
        level=different.level,
        difference_p=different.p_value,
        equivalence_level=alike.level,
        equivalence_p=alike.p_value,
    )


def is_open(decision: Decision, *, most: int, margin: float) -> bool:
    """Whether a comparison is undecided, and `most` seeds in total may decide it."""
    if decision.verdict != "undecided" or not decision.looks:
        return decision.verdict == "undecided"
    last = decision.looks[-1]
    # What later looks may spend of the error.
    left = 1 - (last.num_seeds / most) ** sequential.SPENDING_EXPONENT
    levels = Levels(*(level * left for level in decision.levels))
    return last.num_seeds < most and sequential.may_be_decided(last, most, levels, margin=margin)
