"""The summary of a study's plan, as values that load no large library (`trials.py` computes them)."""

from typing import Annotated, TypeAlias

from pydantic import Field

from gan_study.trainables.base.settings import settings

Count: TypeAlias = Annotated[int, Field(ge=0)]


@settings
class TrialCount:
    """How many trials a study has in total."""

    number: Count
    is_most: bool = False
    """Whether it may end with fewer: rounds of seeds are not decided yet, or a search may find less to try."""

    def __str__(self) -> str:
        return f"at most {self.number}" if self.is_most else f"{self.number}"


@settings
class PlanSummary:
    """What `gan-study status` prints about a study's plan."""

    num_trials: TrialCount
    last_trials: tuple[str, ...] | None
    """The ids of the baselines and of all confirmed trials: the study is finished when each has a record. None
    while the search runs or another round of seeds may follow."""
    num_rounds: Count
    """The rounds of seeds so far."""
    num_seeds: Count
    """The number of seeds of a method that was in every round."""
    why_no_round: str | None = None
    """Why no further round of seeds follows; None if this is not decided yet, or if the number of seeds is
    fixed."""
    why_short_search: str | None = None
    """Why nothing was searched, or less than requested; None otherwise."""
