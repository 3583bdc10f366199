"""A study's manifest and origin: created, read, and changed."""

import contextlib
import datetime
import gzip
import json
import os
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from gan_study.study.plan.changes import Edit, apply_edit
from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.rounds import read_rounds
from gan_study.study.plan.selection import read_selection
from gan_study.study.plan.storage_url import resolve, sqlite_url
from gan_study.study.plan.summary import PlanSummary
from gan_study.study.plan.trials import summarise_plan
from gan_study.study.plan.verdict_plan import verdict_plan
from gan_study.study.run.layout import StudyFolder, read_manifest_file
from gan_study.trainables.base.files import in_shell, open_regular, read_bytes
from gan_study.trainables.base.seal import sealed
from gan_study.trainables.base.settings import (
    ConfigError,
    UserError,
    digest,
    dump,
    find_differences,
    from_json,
    parse,
    settings,
)
from gan_study.trainables.data.fingerprint import Fingerprint
from gan_study.trainables.records.record import Digests
from gan_study.trainables.records.study_header import Change, StudyHeader, TimePlan, is_sealed
from gan_study.trainables.runtime.environment import code_digest
from gan_study.trainables.runtime.folders import refuse_link, refuse_links
from gan_study.trainables.runtime.storage import write_atomically

# A million files take a tenth of it; a small file may promise to be far more.
_MOST_ORIGIN_BYTES = 10**9


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A study folder's identity: `study_id` keeps its Optuna study apart from others in one storage."""

    study_id: str
    config: StudyConfig
    time_plan: TimePlan | None = None
    digests: Digests
    has_seals: bool = False

    @property
    def asked(self) -> StudyConfig:
        """The requested study, of which `config` may leave out what did not fit into a time budget.

        If a study adds seeds until it is decided, its first round stays as planned: later rounds add the other
        seeds, and the planned looks at the gains are kept.
        """
        if self.time_plan is None:
            return self.config
        asked = parse_study(self.time_plan.asked)
        if asked.confirm.until == "decided":
            asked = replace(asked, confirm=replace(asked.confirm, seeds=self.config.confirm.seeds))
        return asked

    @property
    def unique_name(self) -> str:
        """A unique name."""
        return f"{self.config.name}-{self.study_id}"

    def storage(self, folder: StudyFolder) -> str:
        """The URL of the study's Optuna storage; raises UserError if it names a variable that is not set."""
        if self.config.storage is None:
            return sqlite_url(folder.optuna)
        return resolve(self.config.storage, os.environ)


@settings
class Origin:
    """The original state of a study, to find later changes."""

    header: Mapping[str, JsonValue]
    """The manifest as this package last wrote it."""
    data: Fingerprint | None = None
    """The files of data."""


def refuse_links_out(root: Path) -> None:
    """Raise UserError if the study in `root` contains a link through which files would be written or removed.

    Links in the folders that Ray and W&B fill are allowed.
    """
    folder = StudyFolder(root)
    for path in (folder.ray, folder.mirrored.parent, folder.mirrored):
        refuse_link(path)
    for path in set(root.iterdir()) - {folder.ray, folder.mirrored.parent}:
        refuse_links(path)


def claim_folder(root: Path) -> None:
    """Make the empty folder `root`; raises UserError if it already contains a study, or anything else."""
    if StudyFolder(root).manifest.exists():
        # A study of another version is none to continue with: this says so.
        read_manifest(root)
        raise UserError(
            f"{root} already contains a study; continue it with `gan-study resume {in_shell(root)}`, or "
            f"choose another --out"
        )
    if root.exists() and any(path != StudyFolder(root).driver for path in root.iterdir()):
        raise UserError(f"{root} is not empty and contains no study; choose another --out")
    root.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def left_as_it_was(root: Path, *, is_new: bool) -> Iterator[None]:
    """Undo `claim_folder` and what the lock leaves if the block ends before `root` contains a study.

    Within `sole_driver`, so that nothing of another driver is removed; `is_new`: there was no such folder.
    """
    folder = StudyFolder(root)
    try:
        yield
    except BaseException:
        # Storage that fails has been reported already.
        with contextlib.suppress(OSError):
            if not folder.manifest.exists():
                folder.driver.unlink(missing_ok=True)
                if is_new:
                    root.rmdir()
        raise


def create_study_folder(
    root: Path,
    config: StudyConfig,
    environment: Mapping[str, str],
    *,
    data: Fingerprint | None = None,
    time_plan: TimePlan | None = None,
    read_back: tuple[str, ...] = (),
    gan_precision: Mapping[str, str] | None = None,
    classifier_precision: str | None = None,
) -> Manifest:
    """Create a study of `data` in `root`; raises UserError if it already contains one, or anything else."""
    claim_folder(root)
    header = StudyHeader(
        name=config.name,
        study_id=uuid.uuid4().hex[:8],
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        config=dump(config),
        environment=environment,
        verdicts=verdict_plan(config),
        digests=Digests(
            pool=None if data is None else data.pool_digest,
            test=None if data is None else data.test_digest,
            code=code_digest(),
        ),
        time_plan=time_plan,
        read_back=read_back,
        gan_precision=gan_precision or {},
        classifier_precision=classifier_precision,
        has_seals=True,
    )
    return _write_header(root, header, data)


def read_manifest(root: Path) -> Manifest:
    """The manifest of the study in `root`.

    Raises UserError if there is none, ConfigError if it is damaged, RecordError if another version wrote it.
    """
    return _manifest(read_manifest_file(root))


def _manifest(header: StudyHeader) -> Manifest:
    config = parse_study(header.config)
    return Manifest(
        study_id=header.study_id,
        config=config,
        time_plan=header.time_plan,
        digests=header.digests,
        has_seals=header.has_seals,
    )


def summarise_study(root: Path) -> PlanSummary:
    """The plan summary of the study in `root`.

    Raises as `read_manifest` does, and ConfigError if the file of the search or of the rounds is damaged.
    """
    folder = StudyFolder(root)
    closed, saved = read_selection(folder.selection), read_rounds(folder.rounds)
    return summarise_plan(read_manifest(root).config, closed=closed, saved=saved)


def change_manifest(root: Path, section: str, after: Mapping[str, JsonValue]) -> Manifest:
    """The manifest of the study in `root` after the settings of a section become `after`, each change noted."""
    before = read_manifest_file(root).config[section]
    assert isinstance(before, dict)
    return note_edits(
        root,
        [Edit(key=f"{section}.{name}", before=before[name], after=value) for name, value in after.items()],
    )


def note_edits(root: Path, edits: Iterable[Edit], header: StudyHeader | None = None) -> Manifest:
    """The manifest of the study in `root` after all `edits` of its settings, each noted as a change.

    The request before a time budget cut it changes in the same way. `header` replaces that of the file.
    """
    header = header or read_manifest_file(root)
    config, plan, changes = header.config, header.time_plan, header.changes
    for edit in edits:
        if edit.before != edit.after:
            changes = (*changes, change_of(edit))
        config = apply_edit(config, edit)
        plan = plan and replace(plan, asked=apply_edit(plan.asked, edit))
    return _write_header(root, replace(header, config=config, time_plan=plan, changes=changes))


def change_of(edit: Edit) -> Change:
    """An edit as the manifest notes it, with the current time."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Change(key=edit.key, before=edit.before, after=edit.after, at=now)


def change_time_plan(
    root: Path, config: StudyConfig, time_plan: TimePlan | None, *, edits: Iterable[Edit] = ()
) -> Manifest:
    """The manifest of the study in `root` when it continues as `config`, with a new time plan or none.

    The planned looks at the gains do not change: seeds beyond them are marked as added afterwards. The budget is
    noted as a change if it differs, and so is each of `edits`.
    """
    header = read_manifest_file(root)
    plan = replace(verdict_plan(config), looks=header.verdicts.looks)
    plans = (header.time_plan, time_plan)
    before, after = (None if each is None else each.budget_seconds for each in plans)
    budget = Edit(key="time budget in seconds", before=before, after=after)
    changes = map(change_of, (*edits, *([budget] if before != after else [])))
    header = replace(header, verdicts=plan, time_plan=time_plan, changes=(*header.changes, *changes))
    return _write_header(root, replace(header, config=dump(config)))


def read_origin(root: Path) -> Origin | None:
    """The origin of the study in `root`; None if it has none. Raises ConfigError if it is damaged."""
    path = StudyFolder(root).origin
    if not path.exists():
        return None
    try:
        with open_regular(path) as stored, gzip.open(stored) as file:
            content = file.read(_MOST_ORIGIN_BYTES + 1)
        if len(content) > _MOST_ORIGIN_BYTES:
            raise ConfigError(f"more than {_MOST_ORIGIN_BYTES} bytes")
        return parse(Origin, from_json(content), where="")
    except (ConfigError, OSError, EOFError, zlib.error) as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"{path} is damaged ({what}); changes cannot be detected without it") from None


def find_edits_of_manifest(root: Path) -> list[Edit] | None:
    """What was edited in `study.json` since this package wrote it; None if something was edited, but it is
    unknown what.

    Settings have the keys that a recipe gives them.
    """
    read_manifest_file(root)
    written, origin = from_json(read_bytes(StudyFolder(root).manifest)), read_origin(root)
    assert isinstance(written, dict), "it was read"
    if is_sealed(written):
        return []
    if origin is None or not is_sealed(origin.header):
        return None
    found = find_differences(origin.header, {**written, "seal": origin.header["seal"]})
    return [Edit(key=key.removeprefix("config."), before=old, after=new) for key, old, new in found]


def complete_origin(root: Path) -> Manifest:
    """The manifest of the study in `root`; writes its origin if a driver was killed before it did so."""
    header, origin = read_manifest_file(root), read_origin(root)
    is_complete = origin is not None and origin.header.get("seal") == header.seal
    return _manifest(header) if is_complete else _write_header(root, header)


def _write_header(root: Path, header: StudyHeader, data: Fingerprint | None = None) -> Manifest:
    """The manifest, once it and its origin are written; without `data` the origin keeps that which it has."""
    header = replace(header, digests=replace(header.digests, configuration=digest(dict(header.config))))
    manifest, folder, values = _manifest(header), StudyFolder(root), sealed(dump(header))
    patience = manifest.config.resources.storage_patience_seconds
    write_atomically(folder.manifest, (json.dumps(values, indent=2) + "\n").encode(), patience_seconds=patience)
    # Afterwards: killed in between, the manifest is whole by its own seal, and its origin of no use but for files.
    origin = Origin(header=values, data=data or _data_of_origin(root))
    content = gzip.compress(json.dumps(dump(origin)).encode(), mtime=0)
    write_atomically(folder.origin, content, patience_seconds=patience)
    return manifest


def _data_of_origin(root: Path) -> Fingerprint | None:
    origin = read_origin(root)
    return None if origin is None else origin.data
