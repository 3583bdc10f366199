"""What a study keeps for trials to come, within the space that it may take."""

from pathlib import Path

from study.planner import PlannedTrial
from trainables.gans.checkpoints import forget_oldest
from trainables.record import TrialRecord


class Retention:
    """An observer that, after each trial, leaves at most `most_bytes` of the states of GANs in `folder`.

    Records, predictions and pictures are results, and stay.
    """

    def __init__(self, folder: Path, *, most_bytes: float) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def started(self, trial: PlannedTrial) -> None:
        """Nothing: what it will keep is not there yet."""

    def finished(self, record: TrialRecord) -> None:
        """Forget what was not used for longest."""
        forget_oldest(self._folder, most_bytes=self._most_bytes)
