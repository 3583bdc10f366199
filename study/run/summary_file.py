"""The summary of a study's plan as a file: `gan-study status` reads it, since computing the plan again loads
torch.

It is derived from three files and contains their digests, so a summary of other files is ignored.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from gan_study.study.plan.summary import PlanSummary
from gan_study.study.run.layout import StudyFolder
from gan_study.trainables.base.files import read_bytes, sha256_of
from gan_study.trainables.base.seal import sealed, unsealed
from gan_study.trainables.base.settings import ConfigError, dump, from_json, parse, settings
from gan_study.trainables.runtime.storage import write_atomically


@settings
class _Stored:
    """A summary, and what it was made of."""

    made_of: Mapping[str, str | None]
    summary: PlanSummary


def write_summary(folder: StudyFolder, summary: PlanSummary, *, patience_seconds: float = 0.0) -> None:
    """Save the summary of the plan in the folder's files."""
    content = json.dumps(sealed(dump(_Stored(made_of=_digests(folder), summary=summary))), indent=1) + "\n"
    write_atomically(folder.plan_summary, content.encode(), patience_seconds=patience_seconds)


def read_summary(folder: StudyFolder) -> PlanSummary | None:
    """The summary that was saved; None if there is none, if it was damaged or edited, or of other files."""
    if not folder.plan_summary.exists():
        return None
    try:
        stored = parse(_Stored, unsealed(from_json(read_bytes(folder.plan_summary))), where="")
        return stored.summary if stored.made_of == _digests(folder) else None
    except (ConfigError, OSError):
        return None


def _digests(folder: StudyFolder) -> dict[str, str | None]:
    """The digest of each file that the plan follows from; None for one that is not there."""

    def digest_of(path: Path) -> str | None:
        return sha256_of(path) if path.exists() else None

    return {path.name: digest_of(path) for path in (folder.manifest, folder.selection, folder.rounds)}
