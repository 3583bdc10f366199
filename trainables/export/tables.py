"""The tables of a balanced folder for other readers: one row for each image, and one for each class."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from gan_study.trainables.base.markup import csv_cell
from gan_study.trainables.export.balanced_folder import ClassDescription, Description, ManifestRow
from gan_study.trainables.image_quality.class_quality import SYNTHETIC_SCORES
from gan_study.trainables.runtime.storage import write_atomically

# The name, and the first column, that Hugging Face's `imagefolder` looks for.
METADATA, CLASSES = "metadata.csv", "classes.csv"
METADATA_COLUMNS = ("file_name", "label", "split", "synthetic")


def write_metadata(folder: Path, rows: Sequence[ManifestRow]) -> None:
    """The description of each image: its file, class and split, and whether a generator made it.

    One table for the whole folder, and one in the folder of each split for its own images, since `imagefolder`
    reads only that.
    """
    for place in (Path(), *map(Path, dict.fromkeys(row.part for row in rows))):
        found = (
            (
                _as_path(PurePosixPath(row.file).relative_to(place)),
                row.class_name,
                row.part,
                row.origin == "synthetic",
            )
            for row in rows
            if PurePosixPath(row.file).is_relative_to(place)
        )
        _write(folder / place / METADATA, METADATA_COLUMNS, found)


def _as_path(path: PurePosixPath) -> str:
    """A path that a spreadsheet takes for none of its formulas, and that is the same path to every reader."""
    text = path.as_posix()
    return text if csv_cell(text) == text else f"./{text}"


def write_class_table(folder: Path, description: Description) -> None:
    """One row for each class: counts, distinct images, scores, and the results of the memorisation tests."""
    rows = [_class_row(each) for each in description.classes]
    _write(folder / CLASSES, tuple(rows[0]), (row.values() for row in rows))


def read_as(names: Sequence[str], *, as_text: bool) -> dict[str, object]:
    """How pandas reads each name of a column: it recognises numbers, truth values and missing ones.

    It does not if it is told that the names are text; but even then a name that a spreadsheet would read as a
    formula has an apostrophe in front.
    """
    # Slow to load, and needed here alone.
    import pandas as pd

    column = io.BytesIO(_as_bytes(("label",), ([name] for name in names)))
    told = {"dtype": str, "keep_default_na": False} if as_text else {}
    found = pd.read_csv(column, skip_blank_lines=False, **told)  # type: ignore[call-overload]
    return dict(zip(names, found["label"].tolist(), strict=True))


def _class_row(found: ClassDescription) -> dict[str, object]:
    row: dict[str, object] = {
        "class": found.name,
        "folder": found.folder,
        "real": found.num_real,
        "synthetic": found.num_synthetic,
        "validation": found.num_validation,
        "different_synthetic": found.num_distinct,
        "copies_replaced": found.num_copies,
        "missing": found.num_missing,
    }
    findings = found.findings
    copied, real = (findings.copied, findings.copied_real) if findings else (None, None)
    row |= {
        "different_real": findings.num_distinct_real if findings else None,
        "collapsed": findings.has_collapsed if findings else None,
        "memorisation": findings.verdict if findings else None,
        "drawn_copied": copied.number if copied else None,
        "drawn_copied_elsewhere": findings.copied_elsewhere if findings else None,
        "drawn_different": copied.total if copied else None,
        "drawn_copied_low": copied.low if copied else None,
        "drawn_copied_high": copied.high if copied else None,
        "real_copied": real.number if real else None,
        "real_compared": real.total if real else None,
        "real_copied_low": real.low if real else None,
        "real_copied_high": real.high if real else None,
        "drawn_exact": findings.exact.number if findings and findings.exact else None,
        "drawn": findings.exact.total if findings and findings.exact else None,
        "membership_auc": findings.membership_auc if findings else None,
        "membership_auc_low": findings.membership_low if findings else None,
        "membership_auc_high": findings.membership_high if findings else None,
    }
    names = [name for score in SYNTHETIC_SCORES for name in (score, f"{score}_floor")]
    return row | {name: findings.scores.get(name) if findings else None for name in names}


def _write(path: Path, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    write_atomically(path, _as_bytes(columns, rows))


def _as_bytes(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(csv_cell, row) for row in rows)
    return text.getvalue().encode(errors="backslashreplace")
