"""Seconds of a study outside of its trials: its start, its end and its report."""

# From the plan to the first trial, and from the last to the report, in seconds of one free core: Ray's workers
# begin (6 s of processor time go into their imports) and end. Both with a margin that is not measured.
START_SECONDS, CLOSE_SECONDS = 8.0, 3.0
# The report of a study, by the number of its confirmed trials: 27 s of processor time for 75 trials of which 60
# are confirmed, 8 of them for libraries that a study that has run has not loaded.
REPORT_SECONDS, REPORT_SECONDS_A_TRIAL = 9.0, 0.3


def report_seconds(num_confirmed: int) -> float:
    """Seconds of the report of a study with this number of confirmed trials."""
    return REPORT_SECONDS + REPORT_SECONDS_A_TRIAL * num_confirmed
