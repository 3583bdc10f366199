"""Which files a study keeps for later trials, within a limited space."""

import shutil
from collections.abc import Iterator, Sequence

from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.layout import StudyFolder
from gan_study.trainables.gans.checkpoints import forget_oldest
from gan_study.trainables.records.record import TrialRecord


class Retention:
    """An observer that, after each trial, keeps at most `most_bytes` of GAN states in `folder`.

    Of the confirmed trials only the states with `exported_seed` are useful; the others are deleted at once.
    Records, predictions and pictures are results, and are not deleted.
    """

    def __init__(self, folder: StudyFolder, *, most_bytes: float, exported_seed: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._exported_seed = exported_seed

    def started(self, trial: PlannedTrial) -> None:
        """Does nothing: there are no files yet."""

    def finished(self, record: TrialRecord) -> None:
        """Delete files that nobody will need, and those not used for longest."""
        if record.phase == "confirm" and record.seed != self._exported_seed:
            shutil.rmtree(self._folder.confirmed_gans(record.trial_id), ignore_errors=True)
        forget_oldest(self._folder.gans, most_bytes=self._most_bytes)


def best_confirmed(records: Sequence[TrialRecord]) -> Iterator[TrialRecord]:
    """Under each condition the trial whose generator is exported unless options choose another."""
    from gan_study.analysis.records.select import best_generator, conditions, confirmed, trains_generator, under

    trained = [record for record in confirmed(records) if trains_generator(record)]
    for condition in conditions(trained):
        name = best_generator(records, condition)
        of_name = (record for record in under(trained, condition) if record.balancer == name)
        if name is not None:
            yield min(of_name, key=lambda record: record.seed)
