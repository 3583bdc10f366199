"""A trial's outcome as tests look at it."""

from dataclasses import fields

from gan_study.analysis.records.trial import Trial
from gan_study.trainables.records.arrays import ARRAYS, to_bytes
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.trial.outcome import TrialOutcome


def view(outcome: TrialOutcome) -> Trial:
    """The trial as the analysis reads it."""
    values = {each.name: getattr(outcome.record, each.name) for each in fields(TrialRecord)}
    return Trial(**values, stored=outcome.arrays)


def content(outcome: TrialOutcome) -> bytes:
    """Its arrays as a file, without wall times, which differ between equal trials."""
    return to_bytes({name: array for name, array in outcome.arrays.items() if not ARRAYS[name].is_time})
