"""How much of the planned confirmation is there."""

from dataclasses import dataclass

from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import NO_BALANCING, condition_of, conditions, round_of
from gan_study.trainables.records.study_header import CHOSEN_GAN, CHOSEN_SIMPLE


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Confirmed trials of the first round of seeds; failed ones count, since they are not run again."""

    run: int
    planned: int

    @property
    def is_complete(self) -> bool:
        """Whether no trial is missing."""
        return self.run >= self.planned


def confirmation_progress(study: Study) -> Progress:
    """The confirmed trials of the study's plan: each method at each ratio with each seed of the first round.

    Later rounds are of the undecided methods only, so their number is not known in advance.
    """
    families = study.verdicts.families
    named = {name for family in families for name in (*family.methods, *family.references)}
    methods = (named | {NO_BALANCING}) - {CHOSEN_GAN, CHOSEN_SIMPLE}
    tasks = {condition.task for condition in conditions(study.records)}
    run = {
        (condition_of(record), record.balancer, record.seed)
        for record in study.records
        if record.phase == "confirm" and record.balancer in methods and round_of(record) == 1
    }
    planned = len(methods) * len(planned_ratios(study)) * len(tasks) * study.verdicts.looks[0]
    return Progress(run=len(run), planned=planned)


def planned_ratios(study: Study) -> tuple[float | None, ...]:
    """The imbalance ratios that the study asks about, in order; None is that of the original data."""
    found = {ratio for family in study.verdicts.families for ratio in family.ratios}
    return tuple(sorted(found, key=lambda ratio: ratio or 0.0))
