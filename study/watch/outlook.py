"""What a study will do, before its first trial: its trials, how long its GANs are trained, how long it takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from gan_study.study.plan import costs
from gan_study.study.plan.config import Ratio, StudyConfig
from gan_study.study.plan.costs import Workload
from gan_study.study.plan.search_plan import plan_search
from gan_study.study.plan.time_plan import Forecast, Phase, Plan, trials_left
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.watch.terminal import duration
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.balancing.generator import GeneratorBalancing

# The size of a recipe that only shows that it runs, in a minute or two.
SHORTEST_SCALE = "ci"
_PHASES: Sequence[Phase] = ("baseline", "search", "confirm")


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """A study that is about to run; `forecast` None if no machine was measured."""

    plan: Plan
    workloads: Mapping[Ratio, Workload]
    num_workers: int
    forecast: Forecast | None
    seconds_left: float | None = None
    """The rest of the time budget."""

    @property
    def config(self) -> StudyConfig:
        """The study as planned."""
        return self.plan.config

    @property
    def trials(self) -> Mapping[Phase, Sequence[PlannedTrial]]:
        """The trials of each phase; the maximum number if rounds of seeds are not decided yet."""
        return self.forecast.trials if self.forecast else trials_left(self.config)

    def lines(self) -> list[str]:
        """The outlook in a few lines."""
        trials = self.trials
        most = "at most " if self._is_most else ""
        counts = ", ".join(
            f"{most if phase == 'confirm' else ''}{len(trials[phase])} {phase}"
            for phase in _PHASES
            if trials[phase]
        )
        lengths = "; ".join(f"{name} {steps}" for name, steps in self.gan_lengths().items())
        lines = [
            f"Plan: {counts} trials, {self.num_workers} at once; about {self._disk()} on disk",
            *([f"Generator steps: {lengths}; {self._cache_text()}"] if lengths else []),
            *self._unsearched(),
        ]
        if self.forecast:
            lines.append(f"Time: {most}about {duration(self.forecast.total)} with the report{self._budget_text()}")
        else:
            lines.append(f"Time: not estimated, as {self._why_unprobed()}")
        return [*lines, *(f"Left out: {sentence}" for sentence in self.plan.left_out.values())]

    def table(self) -> Table:
        """The outlook as a table: a row for each phase, and one for the total."""
        table = Table("phase", "trials", "generator steps", "time", "disk", header_style="bold")
        trials, forecast = self.trials, self.forecast
        most = "at most " if self._is_most else ""
        lengths = "\n".join(f"{name} {steps}" for name, steps in self.gan_lengths().items())
        for phase in _PHASES:
            trains = any(BALANCERS[trial.arm.balancer].trains_generator for trial in trials[phase])
            table.add_row(
                phase,
                f"{most if phase == 'confirm' else ''}{len(trials[phase])}",
                lengths if trains else "",
                duration(forecast.seconds[phase] if forecast else None),
                _megabytes(costs.disk_bytes(trials[phase], self.workloads)),
            )
        table.add_row(
            "report", "", "", duration(forecast.report if forecast else None), _megabytes(costs.REPORT_BYTES)
        )
        total = sum(map(len, trials.values()))
        table.add_row("in all", str(total), "", duration(forecast.total if forecast else None), self._disk())
        return table

    def gan_lengths(self) -> dict[str, str]:
        """The generator steps of each training, minimum and maximum."""
        found: dict[str, list[int]] = {}
        for trial in self.trials["confirm"]:
            balancer = trial.config.balancing.balancer
            if isinstance(balancer, GeneratorBalancing):
                lengths = costs.gan_lengths(balancer, self.workloads[trial.arm.ratio])
                found.setdefault(trial.arm.balancer, []).extend(step for length in lengths for step in length)
        return {name: _range(steps) for name, steps in found.items() if steps}

    def _unsearched(self) -> Iterator[str]:
        why = plan_search(self.config).unsearched
        if why is not None and self.config.search.trials > 0:
            yield f"Search: none; {why}"

    def _why_unprobed(self) -> str:
        if self.config.scale == SHORTEST_SCALE:
            return (
                f"a study of scale={SHORTEST_SCALE} takes hardly longer than measuring; `gan-study plan` measures"
            )
        return "its machines have not been started yet"

    def _budget_text(self) -> str:
        if self.seconds_left is None or self.forecast is None:
            return ""
        if self.forecast.total <= self.seconds_left:
            return f", of {duration(self.seconds_left)}"
        return f", more than the {duration(self.seconds_left)} left: some trials will not start"

    @property
    def _is_most(self) -> bool:
        return self.config.confirm.until == "decided" and "rounds" not in self.plan.left_out

    def _disk(self) -> str:
        return _megabytes(costs.REPORT_BYTES + costs.disk_bytes(self._all_trials(), self.workloads))

    def _cache_text(self) -> str:
        """What the states of GANs take beside what is counted as on disk."""
        most = self.config.resources.cache_gb
        return f"their states take up to {most:g} GB more until the end (resources.cache_gb)"

    def _all_trials(self) -> Iterator[PlannedTrial]:
        return (trial for phase in _PHASES for trial in self.trials[phase])


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
