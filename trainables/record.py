"""The record of one trial, a line of JSON: with its arrays all that the analysis shares with whatever ran it.

Whatever grows with classes, epochs or classifier fits lies in the trial's arrays (`arrays.py`). A field that is
not known, or not used, has its default. Loads without torch and without Ray.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from itertools import accumulate, pairwise
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import AfterValidator, Field, JsonValue

from gan_study.trainables.base.settings import ConfigError, UserError, digest, dump, from_json, parse, settings

SCHEMA_VERSION = 2
# Most bytes of one record, so that ten thousand stay some tens of megabytes: longer texts are shortened, and lists
# of classes are left to `study.json`, which has them once. Three lists of classes fit beside all else.
MOST_RECORD_BYTES = 8192
MOST_NOTES_BYTES, MOST_NOTE_BYTES, MOST_FAILURE_BYTES, MOST_CLASSES_BYTES = 1700, 400, 600, 150
# Own objectives may have any scale; squares of larger numbers are none.
LARGEST_SCORE = 1e100
# The settings of a trial that name classes.
_CLASS_LISTS = (("data", "classes"), ("imbalance", "minority_classes"), ("imbalance", "counts"))

# What stands for the methods that validation chooses in the first round, in a family of comparisons.
CHOSEN_GAN, CHOSEN_SIMPLE = "the chosen GAN", "the chosen simple method"
# The balancer whose images are as many, and not new.
DUPLICATES = "duplicates"

Phase: TypeAlias = Literal["baseline", "search", "confirm"]
Status: TypeAlias = Literal["complete", "pruned", "failed"]
Part: TypeAlias = Literal["validation", "test"]
# Search numbers as ranges, such as "0-14,17".
Ranges: TypeAlias = str


class RecordError(UserError):
    """A file of a study is not what this version reads."""


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


# Metric name -> value; None where it is undefined (no such image).
Overall: TypeAlias = Mapping[str, Annotated[float, AfterValidator(_check_score)] | None]


@settings
class Digests:
    """What the numbers of a trial or of a study were made from, each as hexadecimal digits; None if not taken."""

    pool: str | None = None
    """Digest of the images that training and validation parts are drawn from."""
    test: str | None = None
    """Digest of the test part."""
    configuration: str | None = None
    """Digest of the complete configuration, places of files included."""
    code: str | None = None
    """Digest of this package's own source files."""


@settings
class Change:
    """A change of a study's configuration after it had begun, which was asked for."""

    key: str
    """The setting."""
    before: JsonValue
    """Its value until then."""
    after: JsonValue
    """Its value from then on."""
    at: str
    """ISO time."""


@settings
class ComparisonFamily:
    """Comparisons whose verdicts are corrected together: `methods` with `references`, each at each ratio."""

    name: str
    """The name of the family."""
    metric: str
    """The overall score that is compared, on the test part."""
    methods: tuple[str, ...]
    """Balancers, or CHOSEN_GAN."""
    references: tuple[str, ...]
    """Balancers, or CHOSEN_SIMPLE."""
    ratios: tuple[float | None, ...]
    """Imbalance ratios; None stands for the one that the data have."""

    @property
    def size(self) -> int:
        """The number of comparisons, which is what their p values are corrected for."""
        return len(self.methods) * len(self.references) * len(self.ratios)


@settings
class VerdictPlan:
    """How the study comes to its verdicts, written before its first confirmed trial."""

    margin: float
    """A gain that is smaller either way is not worthwhile."""
    looks: tuple[int, ...]
    """Numbers of seeds after which the gains are looked at, ascending; one where their number is fixed."""
    families: tuple[ComparisonFamily, ...]
    """What is compared."""


@settings
class TimePlan:
    """What a study gave up to end within a time budget."""

    budget_seconds: float
    """From the command to the end of its report."""
    asked: Mapping[str, JsonValue]
    """The configuration that was asked for, which `gan-study resume` completes."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What the plan left out of it before the first trial: a sentence by what is left out."""
    cut: tuple[str, ...] = ()
    """What the plan had, and time did not allow in the end: a sentence each."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that there was no time for, each as a sentence without its end."""
        return (*self.left_out.values(), *self.cut)


@settings
class StudyHeader:
    """What `study.json` says of a study."""

    schema_version: int = SCHEMA_VERSION
    """Version of this header, of the records and of their arrays."""
    name: str
    """As the recipe or the person named it."""
    study_id: str
    """Tells the study from others of the same name."""
    created_at: str
    """ISO time."""
    config: Mapping[str, JsonValue]
    """The resolved configuration."""
    environment: Mapping[str, str]
    """The versions that the study was begun with."""
    verdicts: VerdictPlan
    """How verdicts are made."""
    digests: Digests = Digests()
    """Digests of the data and the code that the study was begun with."""
    changes: tuple[Change, ...] = ()
    """More seeds, more trials and the like, in the order in which they were made."""
    time_plan: TimePlan | None = None
    """None if it has no time budget, or went on to all that was asked for."""
    read_back: tuple[str, ...] = ()
    """What was read of the data and how it was understood, a sentence each."""
    seal: str | None = None
    """A digest of all the rest, as this package wrote it; an edit by hand breaks it."""


@settings
class Milestone:
    """A validation score on the way."""

    generator_steps: int
    """The generator step of the GANs that filled the set."""
    objective: float
    """The gain over the baseline, as in the record."""


@settings
class RungReached:
    """Search trials that were running, by how far they had come."""

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
    """Search numbers of the trials that had been decided upon and waited for a worker."""


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
    """What the suggestion had seen; None where that is too long for a record: `decisions.jsonl` has it."""

    @property
    def is_comparable(self) -> bool:
        """Whether the trial ran in the split of the search, so that its gain compares with the others' there."""
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
    """Search trials of this balancer at this ratio, those of the race and of the last round included."""
    trial_id: str | None = None
    """The trial of the last round that won, and won the check too; None if defaults were confirmed."""
    validation_objective: float | None = None
    """The gain to expect: that of the check; of a default that lost the last round and won the check, the mean of
    both. None without a last round."""
    contenders: tuple[str, ...] = ()
    """The trials of the last round, the default's first; empty without such a round."""
    check_gain: float | None = None
    """The gain of what the last round chose, trained anew in another split: the check."""
    default_check_gain: float | None = None
    """The default's gain in the check; another setting that the last round chose stays only if it is better."""
    spread: float | None = None
    """The standard deviation of the difference of two gains in the last round, by which the default was beaten."""
    round: int = 1
    """The round of seeds in which it was confirmed, from 1."""
    unsearched: str | None = None
    """Why the default is confirmed without a last round; None if there was one, or if nothing can be searched."""


@settings
class GeneratedImages:
    """The images that were added to the training part, over all classes."""

    balance_to: float | None = None
    """The size at which a minority class lacks nothing, as a share of the largest; None where the method has no
    such setting."""
    dose: float | None = None
    """The share asked for of the images that a minority class lacks; None where the method has no such setting."""
    share_reached: float | None = None
    """The smallest minority class of the balanced set over the largest class."""
    num_made: int = 0
    """Images made, those that a filter rejected included."""
    num_passed: int = 0
    """Images that the classifier was fitted to."""
    num_rejected: int | None = None
    """Images that a filter rejects, of those made; None if none were judged."""
    filter: str | None = None
    """"apply": rejected images were replaced. "measure": they were used all the same. None if none were judged."""
    weight: float = 1.0
    """Weight of a synthetic image in the classifier's loss, where a real one has 1."""


LengthReason: TypeAlias = Literal["fixed", "converged", "floor", "cap"]


@settings
class GanLength:
    """How long the GANs of a trial were trained."""

    generator_steps: int | None = None
    """Generator steps of the GAN that took fewest; None if not counted."""
    reason: LengthReason = "fixed"
    """Why training ended: a fixed length, no more improvement, or the smallest or largest length allowed."""
    still_improving: bool | None = None
    """Whether images were still getting better when training ended; None if not measured."""
    pretrained_on: str | None = None
    """What the GANs were trained on first; None without pretraining."""


@settings
class Memorisation:
    """The worst over the classes that images were made of; each class is in the arrays."""

    largest_copied_share: float | None = None
    """Share of generated images that copy a training image; None with too few images to tell."""
    fewest_distinct: int | None = None
    """Number of different images among those made of a class; None if not counted."""
    flags: tuple[str, ...] = ()
    """"copies", "collapsed", "weak": raised for some class."""


@settings
class TrialRecord:
    """One trial, as it ended."""

    schema_version: int = SCHEMA_VERSION
    """Version of the record and of its arrays."""
    trial_id: str
    """Names `config`."""
    setting_id: str
    """Names `config` without balancing and evaluation: trials that share it are pairs to be compared."""
    attempt: FromOne = 1
    """1-based: a failed trial may be run again."""
    phase: Phase
    """Why the trial was run."""
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
    """Largest over smallest class count: as asked for where the profile asks for one, else as found."""
    seed: int
    """The seed of everything that the trial draws."""
    config: Mapping[str, JsonValue]
    """The complete canonical configuration, but for the length in place of a long list of classes: `study.json`
    has the list."""
    digests: Digests = Digests()
    """What the numbers were made from."""
    num_fits: FromOne = 1
    """Classifiers that were fitted to the same balanced set."""
    scores: Mapping[Part, Overall] = field(default_factory=dict)
    """Overall scores by part, each the mean over the fits; `trainables/classifiers/metrics.py` has the names,
    ranges and directions of those that all trials have. Further ones are the study's own objective,
    "module:function", and the expected cost."""
    frozen_baseline: Overall = field(default_factory=dict)
    """Overall scores on the test part of a linear head on a frozen pretrained network, without balancing; empty if
    not measured."""
    fit_spread: float | None = None
    """Standard deviation over the fits of the validation score that counts; None with one fit."""
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
    """The images that were made; None if none were."""
    gan: GanLength | None = None
    """How long the GANs were trained; None without a GAN."""
    memorisation: Memorisation | None = None
    """Whether generated images repeat training images or one another; None if not measured."""
    num_groups: Mapping[str, int] = field(default_factory=dict)
    """Groups (patients, videos) by part; empty where the data name none."""
    arrays: PathInside | None = None
    """The trial's arrays, relative to the study's folder; None if it left none."""
    arrays_digest: str | None = None
    """Digest of all that is in them but wall times; None if not taken."""
    notes: tuple[str, ...] = ()
    """A line for each thing worth knowing."""
    seconds: Mapping[str, FromZero] = field(default_factory=dict)
    """Wall time by stage."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Versions, device, kind of CPU, threads and precision."""
    finished_at: str = ""
    """ISO time."""

    def to_line(self) -> str:
        """The record as one line of JSON, without a line break."""
        return json.dumps(dump(self), sort_keys=True, allow_nan=False)

    def outcome(self) -> dict[str, JsonValue]:
        """The record without what differs between two runs of the same trial: times and environment."""
        volatile = {"seconds", "environment", "finished_at"}
        return {key: value for key, value in dump(self).items() if key not in volatile}


# What trials of one study should have in common, since their numbers depend on it, by its key in `environment`.
COMPARED: Mapping[str, str] = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "device": "device",
    "machine": "machine",
    "cpu": "CPU",
    "vector_instructions": "vector instructions",
    "libraries": "variables of numeric libraries",
    "threads": "threads",
}
# And by what name the code is among them.
CODE = "code"


def provenance(record: TrialRecord) -> dict[str, str]:
    """What of COMPARED a trial was run with, and by which code; without what the record does not say."""
    known = {name: record.environment[key] for key, name in COMPARED.items() if key in record.environment}
    return known if record.digests.code is None else {**known, CODE: record.digests.code}


def mixtures(records: Iterable[TrialRecord]) -> tuple[str, ...]:
    """A sentence without its end for each thing that complete trials should have in common and have not."""
    found: dict[str, Counter[str]] = {}
    for record in records:
        if record.status == "complete":
            for name, value in provenance(record).items():
                found.setdefault(name, Counter())[value] += 1
    return tuple(
        f"trials differ in {name}: {', '.join(f'{value} ({n})' for value, n in values.most_common())}"
        for name, values in found.items()
        if len(values) > 1
    )


def differences_from(records: Iterable[TrialRecord], now: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence without its end for each thing of `now` (see `provenance`) that no trial so far was run with."""
    known = [provenance(record) for record in records if record.status == "complete"]
    found = ((name, {each[name] for each in known if name in each}, value) for name, value in now.items())
    return tuple(
        f"trials so far were run with {name} {', '.join(sorted(values))}, further ones with {value}"
        for name, values, value in found
        if values and value not in values
    )


# In a study's folder: a list of SearchImportance as JSON.
IMPORTANCE_FILE = "importance.json"


@settings
class SearchImportance:
    """How much each searched parameter matters in one search."""

    dataset: str
    classifier: str
    imbalance_ratio: float | None
    """None where one search was of all ratios and balancers together."""
    balancer: str | None
    num_trials: int
    """Complete search trials that this rests on."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """A parameter's share in [0, 1] of what all of them matter; empty if that cannot be said."""
    missing: str | None = None
    """Why it cannot be said."""


def to_ranges(numbers: Iterable[int]) -> Ranges:
    """Numbers as ascending ranges, such as "0-14,17"; "" for none."""
    ordered = sorted(set(numbers))
    gaps = [place for place, (low, high) in enumerate(pairwise(ordered), start=1) if high > low + 1]
    bounds = zip([0, *gaps], [*gaps, len(ordered)], strict=True)
    runs = [(ordered[first], ordered[last - 1]) for first, last in bounds if last > first]
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs)


def shorten(text: str, most: int) -> str:
    """`text` in at most `most` bytes of JSON: its beginning and its end, which says what went wrong."""
    letters, shortened = len(text), text
    while len(json.dumps(shortened)) > most + 2:
        letters = letters * 9 // 10
        head = letters // 3
        shortened = f"{text[:head]} ... {text[len(text) - (letters - head) :]}"
    return shortened


def omit_classes(config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A trial's configuration as a record has room for it: a text stands for each long list of classes."""

    def shorten_list(section: str, key: str, value: JsonValue) -> JsonValue:
        if not isinstance(value, list | dict) or len(json.dumps(value)) <= MOST_CLASSES_BYTES:
            return value
        return f"{len(value)} classes, listed in study.json"

    return _replace_classes(config, shorten_list)


def restore_classes(config: Mapping[str, JsonValue], study: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The configuration of a record's trial with every list of classes, from that of the study in its header.

    A text for which the study has no list stays, and is no configuration.
    """

    def find_list(section: str, key: str, value: JsonValue) -> JsonValue:
        return cast(dict[str, JsonValue], study[section]).get(key, value) if isinstance(value, str) else value

    return _replace_classes(config, find_list)


def _replace_classes(
    config: Mapping[str, JsonValue], replace: Callable[[str, str, JsonValue], JsonValue]
) -> dict[str, JsonValue]:
    replaced = dict(config)
    for section, key in _CLASS_LISTS:
        values = replaced.get(section)
        if isinstance(values, dict) and key in values:
            replaced[section] = {**values, key: replace(section, key, values[key])}
    return replaced


def limit_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """The distinct notes that a record has room for, long ones shortened; a last one counts those left out."""
    found = [shorten(note, MOST_NOTE_BYTES) for note in dict.fromkeys(notes)]
    ends = accumulate(len(json.dumps(note)) for note in found)
    fitting = [note for note, end in zip(found, ends, strict=True) if end <= MOST_NOTES_BYTES]
    left_out = len(found) - len(fitting)
    return (*fitting, *([f"{left_out} more notes, for which the record has no room"] if left_out else []))


def read_header(content: bytes) -> StudyHeader:
    """The header in `study.json`.

    Raises ConfigError if it is malformed, RecordError if another version of this package wrote it.
    """
    values = from_json(content)
    # The first version of the header did not say which it was.
    if isinstance(values, dict) and values.keys() & {"schema_version", "study_id"}:
        _refuse_other_versions(values, default=1)
    return parse(StudyHeader, values, where="")


def seal_of(header: Mapping[str, JsonValue]) -> str:
    """The seal that a header's values should bear: a digest of all the others."""
    return digest({key: value for key, value in header.items() if key != "seal"})


def is_as_written(content: bytes) -> bool:
    """Whether nobody has edited a header since this package wrote it; raises ConfigError where it is no JSON.

    True where an early version wrote it, which sealed nothing.
    """
    header = from_json(content)
    return isinstance(header, dict) and is_sealed(header)


def is_sealed(header: Mapping[str, JsonValue]) -> bool:
    """The same of the values of a header."""
    digests = header.get("digests")
    is_early = header.get("seal") is None and not (isinstance(digests, dict) and digests.get("configuration"))
    return is_early or header.get("seal") == seal_of(header)


def read_line(line: str, *, where: str) -> TrialRecord:
    """The record in one line of JSON; `where` names the line in the error.

    Raises RecordError if the line is not JSON, of another schema version, or not a record, and if its fields say
    another thing than its configuration.
    """
    try:
        values = from_json(line)
        _refuse_other_versions(values)
        record = parse(TrialRecord, values, where="")
        _refuse_contradictions(record)
        return record
    except UserError as error:
        raise RecordError(f"{where}: {error}") from None


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


def _refuse_other_versions(values: JsonValue, *, default: int | None = None) -> None:
    if not isinstance(values, dict):
        raise ConfigError("not a JSON object")
    version = values.get("schema_version", default)
    if version == 1:
        raise RecordError(
            "written by gan-study 0.1.0, whose studies this version does not read; install that "
            "version for report, check, status, logs, balance and resume"
        )
    if version != SCHEMA_VERSION:
        raise RecordError(f"schema version {version!r}; this version reads {SCHEMA_VERSION}")


def record_lines(content: bytes) -> tuple[list[str], str]:
    """The whole lines in a file of records, and what there is of a last one without its line break.

    Bytes that are not UTF-8 become escapes that JSON refuses, so that the line is named and not altered.
    """
    *whole, unfinished = content.decode("utf-8", errors="backslashreplace").split("\n")
    return whole, unfinished
