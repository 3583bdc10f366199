"""The decisions of a search, one line of JSON each. Decisions are final: a resumed study repeats them."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from gan_study.study.plan.config import Arm, Ratio
from gan_study.trainables.base.seal import sealed, unsealed
from gan_study.trainables.base.settings import ConfigError, dump, from_json, parse, settings
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.records.record import Seen

Stage: TypeAlias = Literal["defaults", "race", "search", "last round", "check"]
DEFAULTS: Stage = "defaults"
"""A variant's defaults in the split of the search: first round of the race, first point of its search."""
RACE: Stage = "race"
"""A variant's default settings in another split."""
SEARCH: Stage = "search"
"""A point of the search."""
LAST_ROUND: Stage = "last round"
"""The default, or one of the best points, trained again in the split of the last round."""
CHECK: Stage = "check"
"""The winner of the last round, and the default, in a split not used for any choice: the scores to report."""


@settings
class Suggestion:
    """A suggested trial of the search."""

    kind: Literal["suggestion"] = "suggestion"
    number: int
    """0-based, in the order of suggestions."""
    stage: Stage
    balancer: str
    ratio: Ratio
    params: Mapping[str, Scalar]
    """The point of the space; for a default, its part in the space."""
    seed: int
    """The seed of the trial, which names its split."""
    fits: int
    """Classifiers that the trial fits to its set."""
    seen: Seen
    """What had been known."""

    @property
    def arm(self) -> Arm:
        """The balancer at its ratio."""
        return Arm(balancer=self.balancer, ratio=self.ratio)


@settings
class RungDecision:
    """Whether a search trial that reached a rung continued."""

    kind: Literal["judgement"] = "judgement"
    number: int
    """The search trial's."""
    rung: int
    """1-based."""
    goes_on: bool
    seen: Seen
    """What had been known."""


@settings
class ConfirmFits:
    """How many classifiers each confirmed trial fits, if arms are confirmed while the search still runs."""

    kind: Literal["confirm fits"] = "confirm fits"
    fits: int = Field(ge=1)


Decision: TypeAlias = Suggestion | RungDecision | ConfirmFits


@settings
class _Line:
    decision: Annotated[Decision, Field(discriminator="kind")]


def to_line(decision: Decision) -> str:
    """A decision as one line of JSON with its seal, without a line break."""
    return json.dumps(sealed(dump(decision)), sort_keys=True, allow_nan=False)


def from_line(line: str) -> Decision:
    """The decision in one line of JSON; raises ConfigError if it is not valid."""
    try:
        return parse(_Line, {"decision": unsealed(from_json(line))}, where="").decision
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix("decision.")) from None


# Bytes of what a decision had seen for which a record has room (trainables/records/limits.py).
MOST_SEEN_BYTES = 2000


def limit_seen(seen: Seen) -> Seen | None:
    """`seen` if it fits into a record: None if it is longer; the line of the decision has all of it."""
    return seen if len(json.dumps(dump(seen))) <= MOST_SEEN_BYTES else None
