"""An earlier study whose search informs a new one's."""

from pathlib import Path

from gan_study.study.run.folder import StudyFolder
from gan_study.study.run.record_store import outline, read_records
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.record import TrialRecord


def read_prior(root: str) -> tuple[TrialRecord, ...]:
    """The search trials of the study in `root`; raises ConfigError where it has none."""
    records = read_records(StudyFolder(Path(root)).records)
    searched = tuple(outline(record) for record in records if record.search is not None)
    if not searched:
        raise ConfigError(f"search.from: {root!r} holds no study with search trials")
    return searched
