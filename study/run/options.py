"""How a study is run."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from rich.console import Console

from gan_study.study.plan.config import StudyConfig
from gan_study.study.run.time_budget import check_budget
from gan_study.trainables.base.arguments import check_argument
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.records.study_header import TimePlan


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a study is run; nothing here changes a result.

    Examples
    --------
    >>> from gan_study import RunOptions
    >>> RunOptions(time_budget_seconds=600).has_budget
    True
    """

    address: str | None = None
    """The address of a Ray cluster: "auto", "host:port" or "ray://host:port"; None: this machine alone."""
    time_budget_seconds: float | None = None
    """Maximum duration of the study in seconds, including the report. What does not fit is left out and listed in
    `study.json`; a later run can add it."""
    began_at: float = field(default_factory=time.monotonic)
    """Start of the time budget, by `time.monotonic`."""
    verbose: bool = False
    """Whether all of Ray's messages are shown."""
    console: Console = field(default_factory=Console)
    """Where progress is printed."""

    def __post_init__(self) -> None:
        """Refuse values of other types, and a budget in which nothing can be done, or that never ends."""
        for each in fields(self):
            check_argument(each.name, getattr(self, each.name), each.type)
        if not math.isfinite(self.began_at):
            raise ConfigError(f"began_at: {self.began_at} is no time of `time.monotonic`")
        if self.time_budget_seconds is not None:
            check_budget(self.time_budget_seconds, where=f"{self.time_budget_seconds:g} s")

    @property
    def has_budget(self) -> bool:
        """Whether the study must end within a given time."""
        return self.time_budget_seconds is not None

    @property
    def ends_at(self) -> float | None:
        """When the budget ends, by `time.monotonic`; None without one."""
        return None if self.time_budget_seconds is None else self.began_at + self.time_budget_seconds

    def seconds_left(self) -> float | None:
        """The rest of the budget; None without one."""
        return None if self.ends_at is None else self.ends_at - time.monotonic()


def time_plan(asked: StudyConfig, left_out: Mapping[str, str], options: RunOptions) -> TimePlan | None:
    """The note in `study.json` on the time budget of the study `asked` for; None without one."""
    if options.time_budget_seconds is None:
        return None
    return TimePlan(budget_seconds=options.time_budget_seconds, asked=dump(asked), left_out=left_out)
