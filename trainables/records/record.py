"""The record of one trial, a line of JSON: with its arrays all that stays of it.

Everything that grows with classes, epochs or classifier fits is in the trial's arrays (`arrays.py`). A field that
is unknown or unused has its default. Loads without torch and without Ray.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from gan_study.trainables.base.seal import SEAL, is_broken, sealed, without_seal
from gan_study.trainables.base.settings import ConfigError, UserError, dump, from_json, parse, settings

SCHEMA_VERSION = 2
# Own objectives may have any scale; squares of larger numbers are none.
LARGEST_SCORE = 1e100
Phase: TypeAlias = Literal["baseline", "search", "confirm"]
Status: TypeAlias = Literal["complete", "pruned", "failed"]
Part: TypeAlias = Literal["validation", "test"]
# Search numbers as ranges, such as "0-14,17".
Ranges: TypeAlias = str


class RecordError(UserError):
    """A file of a study has a format that this version cannot read."""


def _check_inside(path: str) -> str:
    """`path`, if it stays in the folder that it is relative to; a study's folder may come from another person."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\0" in path:
        raise ValueError(f"{path!r} leads out of the study's folder")
    return path


PathInside: TypeAlias = Annotated[str, AfterValidator(_check_inside)]
# No count, ratio or duration is smaller.
FromOne: TypeAlias = Annotated[int, Field(ge=1)]
RatioFromOne: TypeAlias = Annotated[float, Field(ge=1)]
FromZero: TypeAlias = Annotated[float, Field(ge=0)]


def _check_score(value: float) -> float:
    """`value`, if means and variances of such values are numbers."""
    if abs(value) > LARGEST_SCORE:
        raise ValueError(f"a score lies between {-LARGEST_SCORE:g} and {LARGEST_SCORE:g}")
    return value


# Metric name -> value; None if it is undefined (no such image).
Overall: TypeAlias = Mapping[str, Annotated[float, AfterValidator(_check_score)] | None]


@settings
class Digests:
    """Digests of the inputs of a trial or of a study, each as hexadecimal digits; None if not taken."""

    pool: str | None = None
    """Digest of the images from which training and validation sets are drawn."""
    test: str | None = None
    """Digest of the test set."""
    configuration: str | None = None
    """Digest of the complete configuration, including the paths of files."""
    code: str | None = None
    """Digest of this package's own source files."""


@settings
class Milestone:
    """A validation score during the training."""

    generator_steps: int
    """The generator step of the GANs that filled the set."""
    objective: float
    """The gain over the baseline, as in the record."""


@settings
class RungReached:
    """Search trials that were running, by their progress."""

    rung: int
    """Rungs completed; 0 before the first."""
    numbers: Ranges
    """The trials' search numbers."""


@settings
class Seen:
    """What a decision of the search was based on, so that it can be made again from the same records."""

    ended: Ranges = ""
    """Search numbers of the trials that had ended."""
    running: tuple[RungReached, ...] = ()
    """The trials that were running."""
    waiting: Ranges = ""
    """Search numbers of the trials that were decided and waiting for a worker."""


# Trials of these stages have the split of the search in common. Race, last round and check run in others.
COMPARABLE: frozenset[str] = frozenset({"defaults", "search"})


@settings
class SearchTrial:
    """Which suggestion of the search a trial ran."""

    number: int
    """0-based, in the order of suggestions."""
    params: Mapping[str, bool | int | float | str]
    """The values suggested."""
    rung: int | None = None
    """The last rung that the trial reached; None without rungs."""
    stage: str | None = None
    """"defaults", "race", "search", "last round" or "check" (`study/plan/decisions.py`)."""
    seen: Seen | None = None
    """What the suggestion had seen; None if it is too long for a record: `decisions.jsonl` has it."""

    @property
    def is_comparable(self) -> bool:
        """Whether the trial ran in the split of the search, so that its gain can be compared with the others."""
        return self.stage in (None, *COMPARABLE)


@settings
class Stop:
    """Why a search trial was stopped early."""

    rung: int | None = None
    """The rung at which it was stopped."""
    reason: str = ""
    """The rule that stopped it."""
    seen: Seen | None = None
    """What the rule had seen."""


@settings
class Selection:
    """Why a configuration was confirmed: the search trial that it won with, and the budget of its method."""

    search_trials: int
    """Search trials of this balancer at this ratio, including those of the race and of the last round."""
    trial_id: str | None = None
    """The trial that won the last round and also the check; None if defaults were confirmed."""
    validation_objective: float | None = None
    """The expected gain: that of the check; for a default that lost the last round but won the check, the mean of
    both. None without a last round."""
    contenders: tuple[str, ...] = ()
    """The trials of the last round, the default's first; empty without a last round."""
    check_gain: float | None = None
    """The gain of the last round's winner, trained again in another split: the check."""
    default_check_gain: float | None = None
    """The default's gain in the check; another setting that won the last round is used only if it is better."""
    spread: float | None = None
    """The standard deviation of the difference of two gains in the last round, which the winner had to exceed."""
    round: int = 1
    """The round of seeds in which it was confirmed, from 1."""
    unsearched: str | None = None
    """Why the default is confirmed without a last round; None if there was one, or if nothing can be searched."""


@settings
class GeneratedImages:
    """The images that were added to the training set, over all classes."""

    balance_to: float | None = None
    """The size up to which a minority class is filled, as a share of the largest; None if the method has no such
    setting."""
    dose: float | None = None
    """The requested share of the images that a minority class lacks; None if the method has no such setting."""
    share_reached: float | None = None
    """The size of the smallest minority class in the balanced set, divided by that of the largest class."""
    num_made: int = 0
    """Images generated, including those that a filter rejected."""
    num_passed: int = 0
    """Images that the classifier was fitted to."""
    num_rejected: int | None = None
    """How many of the generated images a filter rejects; None if none were judged."""
    filter: str | None = None
    """"apply": rejected images were replaced. "measure": they were still used. None if none were judged."""
    weight: float = 1.0
    """Weight of a synthetic image in the classifier's loss, relative to 1 for a real one."""


LengthReason: TypeAlias = Literal["fixed", "converged", "floor", "cap"]


@settings
class GanLength:
    """How long the GANs of a trial were trained."""

    generator_steps: int | None = None
    """Generator steps of the GAN with the fewest; None if not counted."""
    reason: LengthReason = "fixed"
    """Why training ended: a fixed length, no more improvement, or the smallest or largest length allowed."""
    still_improving: bool | None = None
    """Whether images were still improving when training ended; None if not measured."""
    pretrained_on: str | None = None
    """What the GANs were trained on first; None without pretraining."""


@settings
class Memorisation:
    """The worst value over the classes of generated images; each class is in the arrays."""

    largest_copied_share: float | None = None
    """Share of generated images that copy a training image; None with too few images to tell."""
    fewest_distinct: int | None = None
    """Number of distinct images among those made of a class; None if not counted."""
    flags: tuple[str, ...] = ()
    """"copies", "collapsed", "weak": raised for some class."""


@settings
class TrialRecord:
    """One trial that has ended."""

    schema_version: int = SCHEMA_VERSION
    """Version of the record and of its arrays."""
    study_id: str | None = None
    """The study that the trial belongs to; None if an early version wrote the record, or outside a study."""
    trial_id: str
    """Names `config`."""
    setting_id: str
    """Names `config` without balancing and evaluation: trials with the same value are compared as pairs."""
    attempt: FromOne = 1
    """1-based: a failed trial may be run again."""
    phase: Phase
    """The phase of the study."""
    status: Status
    """How it ended."""
    failure: str | None = None
    """What went wrong, in one line."""
    dataset: str
    """The data set's name."""
    classifier: str
    """The classifier's name."""
    balancer: str
    """The balancer's name."""
    imbalance_ratio: RatioFromOne
    """Largest over smallest class count: the requested one if the profile has one, otherwise that of the data."""
    seed: int
    """The seed of all random numbers of the trial."""
    config: Mapping[str, JsonValue]
    """The complete canonical configuration; a long list of classes is replaced by its length: `study.json`
    has the list."""
    digests: Digests = Digests()
    """What the numbers were made from."""
    num_fits: FromOne = 1
    """Classifiers that were fitted to the same balanced set."""
    scores: Mapping[Part, Overall] = field(default_factory=dict)
    """Overall scores by part, each the mean over the fits; `trainables/classifiers/metrics.py` has the names,
    ranges and directions of the standard ones. Others are the study's own objective, "module:function", and the
    expected cost."""
    frozen_baseline: Overall = field(default_factory=dict)
    """Overall scores on the test set of a linear head on a frozen pretrained network, without balancing; empty if
    not measured."""
    fit_spread: float | None = None
    """Standard deviation of the validation objective over the fits; None with one fit."""
    objective: float | None = None
    """The gain on validation images over no balancing in the same setting."""
    baseline: float | None = None
    """The score that the objective was measured against."""
    search: SearchTrial | None = None
    """The suggestion that the trial ran; None outside the search."""
    stop: Stop | None = None
    """Why it was stopped early; None if it was not."""
    selection: Selection | None = None
    """Why the configuration was confirmed; None outside the confirm phase."""
    milestones: tuple[Milestone, ...] = ()
    """Validation scores on the way."""
    generated: GeneratedImages | None = None
    """The generated images; None if none were."""
    gan: GanLength | None = None
    """How long the GANs were trained; None without a GAN."""
    memorisation: Memorisation | None = None
    """Whether generated images repeat training images or one another; None if not measured."""
    num_groups: Mapping[str, int] = field(default_factory=dict)
    """Groups (patients, videos) by part; empty if the data have none."""
    arrays: PathInside | None = None
    """The trial's arrays, relative to the study's folder; None if it has none."""
    arrays_digest: str | None = None
    """Digest of all of them except wall times; None if not taken."""
    notes: tuple[str, ...] = ()
    """A line for each note."""
    seconds: Mapping[str, FromZero] = field(default_factory=dict)
    """Wall time by stage."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Versions, device, kind of CPU, threads and precision."""
    finished_at: str = ""
    """ISO time."""

    def to_line(self) -> str:
        """The record as one line of JSON with its seal, without a line break."""
        return json.dumps(sealed(dump(self)), sort_keys=True, allow_nan=False)

    def outcome(self) -> dict[str, JsonValue]:
        """The record without what differs between two runs of the same trial: study, times and environment."""
        volatile = {"study_id", "seconds", "environment", "finished_at"}
        return {key: value for key, value in dump(self).items() if key not in volatile}


def to_ranges(numbers: Iterable[int]) -> Ranges:
    """Numbers as ascending ranges, such as "0-14,17"; "" for none."""
    ordered = sorted(set(numbers))
    gaps = [place for place, (low, high) in enumerate(pairwise(ordered), start=1) if high > low + 1]
    bounds = zip([0, *gaps], [*gaps, len(ordered)], strict=True)
    runs = [(ordered[first], ordered[last - 1]) for first, last in bounds if last > first]
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs)


def read_line(line: str, *, where: str) -> TrialRecord:
    """The record in one line of JSON; `where` names the line in the error.

    Raises RecordError if the line is not JSON, has another schema version, is not a record, or if its fields
    contradict its configuration. Its seal is not compared: see `find_fault`.
    """
    try:
        values = from_json(line)
        refuse_other_versions(values)
        assert isinstance(values, dict), "it has a version"
        record = parse(TrialRecord, without_seal(values), where="")
        _refuse_contradictions(record)
        return record
    except UserError as error:
        raise RecordError(f"{where}: {error}") from None


def find_fault(line: str, *, study_id: str, has_seals: bool) -> str | None:
    """Why the line of a record is not as a study wrote it: it was edited, or is of another study; None if it is.

    `has_seals`: the study has sealed each of its records. The line is one that `read_line` reads.
    """
    values = from_json(line)
    assert isinstance(values, dict), "it was read"
    if is_broken(values) or (has_seals and SEAL not in values):
        return "was edited after it was written"
    of = values.get("study_id")
    return None if of in (None, study_id) else f"belongs to another study, {of}, and this is {study_id}"


def _refuse_contradictions(record: TrialRecord) -> None:
    known: dict[str, JsonValue] = {"seed": record.config.get("seed", record.seed)}
    for name, section in (("dataset", "data"), ("classifier", "classifier"), ("balancer", "balancing")):
        settings = record.config.get(section)
        if isinstance(settings, dict) and "name" in settings:
            known[name] = settings["name"]
    if "balancer" not in known:
        raise ConfigError("config.balancing.name: a value is needed")
    for name, value in known.items():
        if (said := getattr(record, name)) != value:
            raise ConfigError(f"{name}: {said!r}, and {value!r} in its configuration")


def refuse_other_versions(values: JsonValue, *, default: int | None = None) -> None:
    """Raises RecordError if a record or header is of another schema version than SCHEMA_VERSION.

    And ConfigError if it is no JSON object; `default` is the version of one that names none.
    """
    if not isinstance(values, dict):
        raise ConfigError("not a JSON object")
    version = values.get("schema_version", default)
    if version == 1:
        raise RecordError(
            "written by gan-study 0.1.0, whose studies this version cannot read; install that version "
            "for report, check, status, logs, balance and resume"
        )
    if version != SCHEMA_VERSION:
        raise RecordError(f"schema version {version!r}; this version reads {SCHEMA_VERSION}")


def record_lines(content: bytes) -> tuple[list[str], str]:
    """The complete lines in a file of records, and the incomplete last line without its line break.

    Bytes that are not UTF-8 become escapes that JSON refuses, so the line is reported and not altered.
    """
    *whole, unfinished = content.decode("utf-8", errors="backslashreplace").split("\n")
    return whole, unfinished
