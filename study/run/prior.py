"""An earlier study whose search informs a new one."""

from pathlib import Path

from gan_study.study.run.folder import read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import outline, read_records, refuse_foreign
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.records.record import TrialRecord


def read_prior(root: str, *, data: DataConfig, pool_digest: str | None) -> tuple[TrialRecord, ...]:
    """The search trials of the study in `root`, for a new study of `data` whose pool has that digest.

    Raises ConfigError if it has none, or has different data.
    """
    records = read_records(StudyFolder(Path(root)).records)
    searched = tuple(outline(record) for record in records if record.search is not None)
    if not searched:
        raise ConfigError(f"search.from: {root!r} has no study with search trials")
    manifest = read_manifest(Path(root))
    refuse_foreign(StudyFolder(Path(root)).records, study_id=manifest.study_id, has_seals=manifest.has_seals)
    before, now = dump(manifest.config.data), dump(data)
    # Where the files lie is no matter.
    other = [
        f"data.{key} {before.get(key)!r} instead of {now[key]!r}"
        for key in now.keys() - {"root"}
        if before.get(key) != now[key]
    ]
    # An early version wrote no digests.
    if manifest.digests.pool is not None and manifest.digests.pool != pool_digest:
        other.append("other images in its pool")
    if other:
        raise ConfigError(f"search.from: {root!r} is a study with different data: {', '.join(sorted(other))}")
    return searched
