"""Problems of a study's folder, found without changing anything in it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_study.study.plan.changes import is_meant
from gan_study.study.plan.decisions import Decision
from gan_study.study.plan.rounds import Rounds, read_rounds
from gan_study.study.plan.selection import ClosedSearch, read_selection
from gan_study.study.plan.summary import TrialCount
from gan_study.study.plan.trials import foreign_sections, is_done, num_trials
from gan_study.study.run.data_checks import find_changed_data, take_fingerprint
from gan_study.study.run.decision_store import read_decisions
from gan_study.study.run.folder import Manifest, find_edits_of_manifest, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import find_repeated
from gan_study.study.watch.contradictions import contradictions, contradictions_of_fits, find_baseline
from gan_study.study.watch.optuna_view import differences
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError, dump, from_json
from gan_study.trainables.records.arrays import ArrayFile
from gan_study.trainables.records.limits import restore_classes
from gan_study.trainables.records.provenance import mixtures
from gan_study.trainables.records.record import RecordError, TrialRecord, find_fault, read_line, record_lines
from gan_study.trainables.runtime.storage import is_partial
from gan_study.trainables.trial.config import parse_trial


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A finding about a file, or a line of one; `is_wrong` unless it is harmless, or resuming fixes it."""

    where: str
    what: str
    is_wrong: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The findings in a study's folder, and the study's progress; `num_trials` None if unknown."""

    findings: tuple[Finding, ...]
    num_records: int
    num_trials: TrialCount | None
    is_finished: bool

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not any(finding.is_wrong for finding in self.findings)


def check_study(root: Path) -> Checked:
    """The findings on the study in `root`; raises UserError if there is none.

    It reads the manifest, the records line by line, the files that they name, the selection and Optuna's storage;
    nothing is unpickled, and nothing is written.
    """
    folder, findings = StudyFolder(root), list[Finding]()
    manifest = None
    try:
        manifest = read_manifest(root)
    except ConfigError as error:
        # A folder without a manifest holds no study, and that is another error.
        findings.append(Finding(where=folder.manifest.name, what=str(error)))
    records = _read_records(folder, manifest, findings)
    for record in records:
        if record.arrays is not None:
            stored = ArrayFile(folder.root / record.arrays, expected=record.arrays_digest)
            if (damage := stored.find_damage()) is not None:
                findings.append(Finding(where=record.arrays, what=damage))
            else:
                findings += _score_findings(record, stored, where=folder.records.name)
                if manifest is not None:
                    wrong = contradictions_of_fits(record, stored, metric=manifest.config.objective)
                    findings += [_finding_of(record, what, folder) for what in wrong]
    decisions = _read_decisions(folder, records, findings)
    closed = _read_selection(folder, records, decisions, findings)
    rounds = _read_rounds(folder, records, findings)
    _read_importance(folder, findings)
    is_finished = False
    if manifest is not None:
        record_of = {record.trial_id: record for record in records}.get
        try:
            is_finished = is_done(manifest.config, record_of=record_of, closed=closed, saved=rounds)
        except ConfigError as error:
            findings.append(Finding(where=folder.rounds.name, what=str(error)))
        findings += _edit_findings(root)
        findings += _data_findings(root, manifest, records)
        findings += _storage_findings(manifest, folder, records, is_finished=is_finished)
    findings += [Finding(where=folder.records.name, what=what, is_wrong=False) for what in mixtures(records)]
    findings += _leftovers(folder, records, is_finished=is_finished)
    return Checked(
        findings=tuple(findings),
        num_records=len({record.trial_id for record in records}),
        num_trials=None if manifest is None else num_trials(manifest.config, rounds, closed),
        is_finished=is_finished,
    )


def _read_records(folder: StudyFolder, manifest: Manifest | None, findings: list[Finding]) -> list[TrialRecord]:
    """The records that can be read; what is wrong with a line is added to `findings`."""
    study = None if manifest is None else dump(manifest.config)
    lines, unfinished = record_lines(read_bytes(folder.records) if folder.records.exists() else b"")
    records: list[TrialRecord | None] = []
    ratios: dict[str, float] = {}
    are_tested: dict[str, bool] = {}
    for number, line in enumerate(lines, start=1):
        where = f"{folder.records.name}:{number}"
        records.append(None)
        try:
            records[-1] = record = read_line(line, where=where)
            fault = manifest and find_fault(line, study_id=manifest.study_id, has_seals=manifest.has_seals)
            if fault:
                findings.append(Finding(where=where, what=f"trial {record.trial_id} {fault}"))
            config = record.config if study is None else restore_classes(record.config, study)
            named = parse_trial(config)
            are_tested[record.trial_id] = named.evaluation.test
            first = ratios.setdefault(record.setting_id, record.imbalance_ratio)
            if named.trial_id != record.trial_id:
                what = f"trial {record.trial_id}: its configuration is that of trial {named.trial_id}"
            elif named.setting_id != record.setting_id:
                what = f"trial {record.trial_id}: its configuration is of setting {named.setting_id}"
            elif manifest is not None and (foreign := foreign_sections(manifest.config, named)):
                what = f"trial {record.trial_id}: {' and '.join(foreign)} of another study than study.json"
            elif (ratio := record.imbalance_ratio) != first:
                what = f"trial {record.trial_id}: imbalance ratio {ratio:g}, and {first:g} before in its setting"
            else:
                continue
        except RecordError as error:
            what = str(error).removeprefix(f"{where}: ")
        except UserError as error:
            what = f"trial {record.trial_id}: its configuration does not fit this version ({error})"
        findings.append(Finding(where=where, what=what))
    for number, first in find_repeated(records):
        what = f"repeats the trial of line {first}"
        findings.append(Finding(where=f"{folder.records.name}:{number}", what=what))
    if unfinished:
        where = f"{folder.records.name}:{len(lines) + 1}"
        what = "is incomplete; resuming removes it and runs its trial again"
        findings.append(Finding(where=where, what=what, is_wrong=False))
    read = [record for record in records if record is not None]
    for record in read:
        if manifest is not None and record.trial_id in are_tested:
            wrong = contradictions(
                record,
                is_tested=are_tested[record.trial_id],
                metric=manifest.config.objective,
                baseline=find_baseline(record, read),
            )
            findings += [_finding_of(record, what, folder) for what in wrong]
    return read


def _finding_of(record: TrialRecord, what: str, folder: StudyFolder) -> Finding:
    return Finding(where=folder.records.name, what=f"trial {record.trial_id}: {what}")


def _score_findings(record: TrialRecord, stored: ArrayFile, *, where: str) -> Iterator[Finding]:
    """Overall scores of a record that are not the means over the fits in its arrays, a part each."""
    for part, scores in record.scores.items():
        fits, names = stored.get(f"{part}/overall"), stored.get("scores/metrics")
        if fits is None or names is None or not len(fits):
            continue
        means = dict(zip(names.tolist(), fits.mean(axis=0).tolist(), strict=True))
        said = {name: math.nan if value is None else value for name, value in scores.items()}
        off = [name for name in said if not np.isclose(said[name], means.get(name, math.inf), equal_nan=True)]
        if off:
            what = f"{part} {off[0]} is {said[off[0]]:g}, and {means.get(off[0], math.nan):g} in {record.arrays}"
            more = f" (and {len(off) - 1} more scores)" if len(off) > 1 else ""
            yield Finding(where=where, what=f"trial {record.trial_id}: {what}{more}")


def _read_importance(folder: StudyFolder, findings: list[Finding]) -> None:
    """Add to `findings` that the importances cannot be read; none need be there."""
    try:
        if folder.importance.exists():
            from_json(read_bytes(folder.importance))
    except UserError as error:
        what = f"is damaged: {error}; `gan-study report` writes it again"
        findings.append(Finding(where=folder.importance.name, what=what, is_wrong=False))


def _read_decisions(
    folder: StudyFolder, records: Sequence[TrialRecord], findings: list[Finding]
) -> tuple[Decision, ...]:
    """The search's decisions, none if they cannot be read; what is wrong with them is added to `findings`."""
    try:
        decisions = read_decisions(folder.decisions)
    except ConfigError as error:
        what = str(error).removeprefix(f"{folder.decisions}").lstrip(": ")
        findings.append(Finding(where=folder.decisions.name, what=what))
        return ()
    suggested = {each.number for each in decisions if each.kind == "suggestion"}
    findings += [
        Finding(where=folder.decisions.name, what=f"lacks the suggestion for trial {record.trial_id}")
        for record in records
        if record.search is not None and record.search.number not in suggested
    ]
    return decisions


def _read_selection(
    folder: StudyFolder,
    records: Sequence[TrialRecord],
    decisions: Sequence[Decision],
    findings: list[Finding],
) -> ClosedSearch | None:
    """What the search left, None if nothing can be read; what is wrong with it is added to `findings`."""
    closed, wrong = None, []
    try:
        closed = read_selection(folder.selection)
    except ConfigError as error:
        wrong = [str(error).removeprefix(f"{folder.selection}").lstrip(": ")]
    else:
        # What there is nothing to search of may be confirmed while the search still runs; `ConfirmFits` says so.
        is_early = any(each.kind == "confirm fits" for each in decisions)
        if closed is None and not is_early and any(record.phase == "confirm" for record in records):
            wrong = ["is missing, though trials were confirmed"]
    searched = {None, *(record.trial_id for record in records if record.phase == "search")}
    chosen = (each.selection.trial_id for each in (closed.configurations if closed else ()))
    wrong += [f"names trial {one}, which has no record" for one in chosen if one not in searched]
    if closed is not None and (others := _other_fits(records, closed.fits)):
        wrong += [f"fits is {closed.fits}, and trial {others[0]} was confirmed with another number"]
    findings += [Finding(where=folder.selection.name, what=what) for what in wrong]
    if closed is not None and closed.why_short is not None:
        what = f"the search ended after {closed.num_searched} trials: {closed.why_short}"
        findings.append(Finding(where=folder.selection.name, what=what, is_wrong=False))
    return closed


def _other_fits(records: Sequence[TrialRecord], fits: int) -> list[str]:
    """The confirmed trials whose configuration has another number of fits."""
    confirmed = (record for record in records if record.phase == "confirm")
    asked = ((record.trial_id, record.config.get("evaluation")) for record in confirmed)
    return [trial for trial, each in asked if isinstance(each, dict) and each.get("fits") != fits]


def _read_rounds(folder: StudyFolder, records: Sequence[TrialRecord], findings: list[Finding]) -> Rounds | None:
    """The rounds of seeds that were decided on, None if nothing can be read; what is wrong goes to `findings`."""
    try:
        rounds = read_rounds(folder.rounds)
    except ConfigError as error:
        what = str(error).removeprefix(f"{folder.rounds}").lstrip(": ")
        findings.append(Finding(where=folder.rounds.name, what=what))
        return None
    latest = max((record.selection.round for record in records if record.selection is not None), default=1)
    if rounds is None and latest > 1:
        what = f"is missing, though trials of round {latest} were confirmed"
        findings.append(Finding(where=folder.rounds.name, what=what))
    return rounds


def _edit_findings(root: Path) -> Iterator[Finding]:
    """What was edited in the manifest since it was written; of no harm where `resume` carries it out."""
    where = StudyFolder(root).manifest.name
    try:
        edits = find_edits_of_manifest(root)
    except ConfigError as error:
        yield Finding(where=StudyFolder(root).origin.name, what=str(error))
        return
    if edits is None:
        yield Finding(where=where, what="was edited after the study had begun, and the original is not known")
        return
    for edit in edits:
        does = "resuming takes it over" if is_meant(edit) else "resuming refuses it"
        yield Finding(where=where, what=f"was edited: {edit}; {does}", is_wrong=not is_meant(edit))


def _data_findings(root: Path, manifest: Manifest, records: Sequence[TrialRecord]) -> Iterator[Finding]:
    """What has become of the data since the study was begun, and which trials had other ones."""
    begun = manifest.digests
    if begun.pool is None:
        # An early version wrote none.
        return
    others = [r for r in records if (r.digests.pool, r.digests.test) != (begun.pool, begun.test)]
    if others:
        number = "1 trial was" if len(others) == 1 else f"{len(others)} trials were"
        what = f"{number} not run on the data of the study, {others[0].trial_id} among them"
        yield Finding(where=StudyFolder(root).records.name, what=what)
    try:
        changes = find_changed_data(root, manifest, take_fingerprint(manifest.config))
    except (UserError, OSError) as error:
        # The folder may be looked at where there are no data.
        yield Finding(where="data", what=f"not compared ({error})", is_wrong=False)
        return
    if changes is not None:
        yield Finding(where="data", what=f"have changed since the study began: {changes}")


def _storage_findings(
    manifest: Manifest, folder: StudyFolder, records: Sequence[TrialRecord], *, is_finished: bool
) -> Iterator[Finding]:
    where = "Optuna's storage" if manifest.config.storage else folder.optuna.name
    if manifest.config.storage is None and not folder.optuna.exists():
        yield Finding(where=where, what="is missing; resuming creates it from the records", is_wrong=is_finished)
        return
    for difference in differences(
        storage=manifest.storage(folder), study_name=manifest.unique_name, records=records
    ):
        # What only lags behind is normal until the study is over.
        yield Finding(where=where, what=difference.what, is_wrong=is_finished or not difference.is_late)


def _leftovers(folder: StudyFolder, records: Sequence[TrialRecord], *, is_finished: bool) -> Iterator[Finding]:
    recorded = {record.trial_id for record in records}
    known = folder.artifacts.iterdir() if folder.artifacts.is_dir() else ()
    left = {path: "belongs to no recorded trial" for path in known if path.stem not in recorded}
    left |= {path: "half written" for path in folder.root.rglob(".*") if is_partial(path)}
    if is_finished:
        left |= {path: "not needed, the study is finished" for path in folder.scratch if path.exists()}
    for path, why in sorted(left.items()):
        yield Finding(where=str(path.relative_to(folder.root)), what=f"left over, {why}", is_wrong=False)
