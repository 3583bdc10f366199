"""The studies below a folder, one line each: their progress, and the verdicts of their reports."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_study.study.run.layout import StudyFolder
from gan_study.study.watch.status import StudyStatus, study_status
from gan_study.study.watch.terminal import printable
from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import UserError

# Studies lie in a folder, or in folders of one, such as a folder for each data set.
_DEEPEST = 2
_METRICS = {"minority_f1": "F1", "minority_recall": "recall"}


@dataclass(frozen=True, kw_only=True)
class StudyLine:
    """A study in a table of studies."""

    folder: Path
    name: str
    began: str
    """The day."""
    state: str
    """"running", "finished" or "interrupted"; "unreadable" if this is unknown."""
    done: str
    """Finished trials and their total number."""
    verdict: str
    """The report's verdict on the GAN that validation chose, at each ratio; or why there is none."""

    def title(self, above: Path) -> str:
        """Its path below the folder `above`, with the study's name unless the path contains it."""
        path = str(self.folder.relative_to(above))
        return path if self.name in path else f"{path} ({self.name})"

    @property
    def progress(self) -> str:
        """Its state and its trials."""
        return f"{self.state}, {self.done}" if self.done else self.state


def find_studies(folder: Path) -> tuple[StudyLine, ...]:
    """The studies in `folder` or below it, the oldest first; raises UserError if there is no such folder."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    lines = [_line_of(each) for each in _studies_below(folder, _DEEPEST)]
    return tuple(sorted(lines, key=lambda line: (line.began, str(line.folder))))


def _studies_below(folder: Path, depth: int) -> Iterator[Path]:
    try:
        is_study = StudyFolder(folder).manifest.is_file()
        inside = sorted(folder.iterdir()) if folder.is_dir() and not is_study and depth else []
    except PermissionError:
        # A folder of somebody else hides no other; its line says so.
        is_study, inside = depth < _DEEPEST, []
        if not is_study:
            raise
    if is_study:
        yield folder
    for inner in inside:
        if not inner.name.startswith("."):
            yield from _studies_below(inner, depth - 1)


def _line_of(folder: Path) -> StudyLine:
    try:
        status = study_status(folder)
    except (UserError, OSError) as error:
        # One that cannot be read hides no other.
        text = str(error) if isinstance(error, UserError) else f"{error.filename}: {error.strerror}"
        reason = printable(text.removeprefix(f"{folder}: ").removeprefix(f"{folder}/"))
        return StudyLine(folder=folder, name="", began="", state="unreadable", done="", verdict=reason)
    tally = status.tally
    return StudyLine(
        folder=folder,
        name=printable(status.header.name),
        began=status.header.created_at[:10],
        state=status.state,
        done=tally.done_text(),
        verdict=_verdict(status),
    )


def _verdict(status: StudyStatus) -> str:
    """The verdicts on the chosen GAN as the report has them; what to do if there is none yet, or an old one."""
    table = status.folder.report / "tables" / "verdicts.csv"
    if not table.is_file():
        return "no report yet"
    if not status.folder.records.exists():
        return "the records are missing"
    if table.stat().st_mtime < status.folder.records.stat().st_mtime:
        return "the report is older than the records"
    try:
        return _said(csv.DictReader(read_text(table, errors="replace").splitlines()))
    # csv.Error: a NUL, or a field of a hundred thousand letters.
    except (KeyError, TypeError, ValueError, csv.Error):
        return "the report is damaged or from another version"


def _said(rows: Iterable[Mapping[str, str]]) -> str:
    """What the rows of a table of verdicts say about the chosen GAN."""
    said = [
        (
            float(row["imbalance_ratio"]),
            row["balancer"],
            _METRICS[row["metric"]],
            row["verdict"],
            float(row["mean"]),
        )
        for row in rows
        if row["chosen_gan"] == "True" and row["against"] == "no balancing" and row["metric"] in _METRICS
    ]
    if len({ratio for ratio, *_ in said}) > 1:
        return _at_ratios((metric, verdict, ratio) for ratio, _, metric, verdict, _ in said)
    gains = (f"{metric} {verdict} {mean:+.3f}" for _, _, metric, verdict, mean in said)
    return "".join(f"{balancer}: " for balancer in {name for _, name, *_ in said}) + ", ".join(gains)


def _at_ratios(said: Iterable[tuple[str, str, float]]) -> str:
    """For each metric its verdicts, and the ratios at which the chosen GANs have them."""
    ratios: dict[str, dict[str, list[float]]] = {}
    for metric, verdict, ratio in said:
        ratios.setdefault(metric, {}).setdefault(verdict, []).append(ratio)
    return "; ".join(
        f"{metric} "
        + ", ".join(
            f"{verdict} at {', '.join(f'{ratio:g}' for ratio in at)}" for verdict, at in by_verdict.items()
        )
        for metric, by_verdict in ratios.items()
    )
