"""The record of one trial: all that the analysis shares with whatever ran it.

Loads without torch and without Ray.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, JsonValue, model_validator

from gan_study.trainables.base.settings import UserError, dump, from_json, parse, settings

SCHEMA_VERSION = 1

Phase: TypeAlias = Literal["baseline", "search", "confirm"]
Status: TypeAlias = Literal["complete", "pruned", "failed"]
Part: TypeAlias = Literal["validation", "test"]


class RecordError(UserError):
    """A line is not a trial record that this version reads."""


def _inside(path: str) -> str:
    """`path`, which stays in the folder that it is relative to; a study's folder may come from another person."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\0" in path:
        raise ValueError(f"{path!r} leads out of the study's folder")
    return path


PathInside: TypeAlias = Annotated[str, AfterValidator(_inside)]


@settings
class StudyHeader:
    """What `study.json` says of a study: its resolved configuration, and the versions that it was begun with.

    `study_id` tells it from other studies of the same name, `created_at` is its ISO time of creation.
    """

    name: str
    study_id: str
    created_at: str
    config: Mapping[str, JsonValue]
    environment: Mapping[str, str]


@settings
class Scores:
    """The scores of one classifier on one part, each in [0, 1]; undefined ones (no such image) are None.

    `overall` maps metric names to values: accuracy, balanced_accuracy, macro_f1, g_mean, roc_auc,
    minority_precision, minority_recall, minority_f1 (means over the minority classes). `per_class` maps
    precision, recall and f1 to one value a class. `confusion_matrix[true][predicted]` counts images, unweighted;
    the scores weight the classes to the class proportions of the test part.
    """

    overall: Mapping[str, float | None]
    per_class: Mapping[str, tuple[float | None, ...]]
    confusion_matrix: tuple[tuple[int, ...], ...]


@settings
class ClassCounts:
    """Images of each class, in label order.

    `available`: the training pool as it came. `imbalanced`: after thinning. `training` and `validation`: the two
    parts of that. `balanced`: what the classifier was fitted to, of which `synthetic` were made.
    `test`: None unless the phase may see it.
    """

    available: tuple[int, ...]
    imbalanced: tuple[int, ...]
    training: tuple[int, ...]
    validation: tuple[int, ...]
    balanced: tuple[int, ...]
    synthetic: tuple[int, ...]
    test: tuple[int, ...] | None = None


@settings
class Milestone:
    """A validation score on the way: the balanced set of GAN epoch `epoch`, tried out."""

    epoch: int
    objective: float


@settings
class EpochLoss:
    """Mean losses of one GAN epoch (1-based)."""

    epoch: int
    generator: float
    discriminator: float


@settings
class ImageQuality:
    """What the generated images of one class are worth.

    `metrics` maps a name to its value, None where there were too few images: gan_train, gan_test, fid, kid,
    precision, recall, density, coverage, memorised_share, copied_share, repeated_share, ssim_between,
    ssim_nearest, inception_score. `<metric>_floor` is what real images score in the place of the generated ones.
    `missing` says of each metric that is None what it needs. `num_generated`, `num_training` and `num_held_out`
    count the images compared, by `features`: those of "domain" or of "inception". `flags`: "copies" where training
    images are copied, "collapsed" where a few images are made again and again.
    """

    metrics: Mapping[str, float | None]
    num_generated: int
    num_training: int
    num_held_out: int
    features: str = "domain"
    flags: tuple[str, ...] = ()
    missing: Mapping[str, str] = Field(default_factory=dict)


@settings
class EpochOnTest:
    """Scores on the test part, as `Scores.overall`, after a classifier's epoch (1-based)."""

    epoch: int
    overall: Mapping[str, float | None]


@settings
class SearchStep:
    """Which suggestion of the search a trial ran: its number (0-based) and the values suggested."""

    number: int
    params: Mapping[str, bool | int | float | str]


@settings
class Selection:
    """Why a configuration was confirmed: the search trial that it won with, and the budget of its method.

    `search_trials` counts the search trials of this balancer at this ratio; 0 (and no trial id) where a method
    has nothing to tune or was not searched there, so that its defaults were confirmed.
    """

    search_trials: int
    trial_id: str | None = None
    validation_objective: float | None = None


# In a study's folder: a list of SearchImportance as JSON.
IMPORTANCE_FILE = "importance.json"


@settings
class SearchImportance:
    """How much each searched parameter of a balancer matters under one condition.

    `shares` maps a parameter to its share in [0, 1] of what all of them matter, over `num_trials` complete trials;
    empty where that cannot be said, and `missing` then says why.
    """

    dataset: str
    classifier: str
    imbalance_ratio: float
    balancer: str
    num_trials: int
    shares: Mapping[str, float] = Field(default_factory=dict)
    missing: str | None = None


@settings
class TrialRecord:
    """One trial, as it ended.

    `trial_id` names `config`, the complete canonical configuration; `setting_id` names it without balancing and
    evaluation, so that trials with equal setting ids are a pair: same data, ratio, classifier and seed.
    `imbalance_ratio` is largest over smallest class count, as asked for where the profile asks for it, else as
    found. `objective` is the gain on validation data over no balancing in the same setting. `baseline` is the
    score it was measured against. `test_epochs`, where the configuration asks for it, is what each epoch of the
    classifier scored on the test part; its best is chosen on the test part, and so is no estimate of anything but
    what others have reported. `generated` maps the name of each class that images were made of to their
    quality; empty where none was measured. `artifacts` maps a kind (samples, predictions_validation,
    predictions_test, growth, nearest, map) to a
    path relative to the study folder. `seconds` maps a stage to wall time;
    `gan_seconds` maps what a GAN was trained on, as `losses` does, to that of its epochs, those included that went
    on from another trial's.
    """

    schema_version: int = SCHEMA_VERSION
    trial_id: str
    setting_id: str
    phase: Phase
    status: Status
    failure: str | None = None
    dataset: str
    classifier: str
    balancer: str
    imbalance_ratio: float
    seed: int
    config: Mapping[str, JsonValue]
    class_names: tuple[str, ...] = ()
    minority_classes: tuple[int, ...] = ()
    class_counts: ClassCounts | None = None
    scores: Mapping[Part, Scores] = Field(default_factory=dict)
    objective: float | None = None
    baseline: float | None = None
    search: SearchStep | None = None
    selection: Selection | None = None
    milestones: tuple[Milestone, ...] = ()
    losses: Mapping[str, tuple[EpochLoss, ...]] = Field(default_factory=dict)
    test_epochs: tuple[EpochOnTest, ...] = ()
    generated: Mapping[str, ImageQuality] = Field(default_factory=dict)
    artifacts: Mapping[str, PathInside] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = Field(default_factory=dict)
    gan_seconds: Mapping[str, float] = Field(default_factory=dict)
    environment: Mapping[str, str] = Field(default_factory=dict)
    finished_at: str = ""

    @model_validator(mode="after")
    def _has_one_entry_a_class(self) -> Self:
        for name, entries in _by_class(self):
            if len(entries) != len(self.class_names):
                raise ValueError(f"{name} has {len(entries)} entries for {len(self.class_names)} classes")
        if not all(0 <= label < len(self.class_names) for label in self.minority_classes):
            raise ValueError(f"minority_classes {list(self.minority_classes)} are not all among the classes")
        return self

    def to_line(self) -> str:
        """The record as one line of JSON, without a line break."""
        return json.dumps(dump(self), sort_keys=True, allow_nan=False)

    def outcome(self) -> dict[str, JsonValue]:
        """The record without what differs between two runs of the same trial: times and environment."""
        volatile = {"seconds", "gan_seconds", "environment", "finished_at"}
        return {key: value for key, value in dump(self).items() if key not in volatile}


def _by_class(record: TrialRecord) -> Iterator[tuple[str, Sequence[object]]]:
    """Name and value of all in a record that has an entry for each class, where it is there at all."""
    for part, scores in record.scores.items():
        yield from ((f"scores.{part}.per_class.{name}", values) for name, values in scores.per_class.items())
        if scores.confusion_matrix:
            yield from ((f"scores.{part}.confusion_matrix", row) for row in scores.confusion_matrix)
            yield f"scores.{part}.confusion_matrix", scores.confusion_matrix
    if record.class_counts is not None:
        counts = dump(record.class_counts)
        yield from ((f"class_counts.{name}", each) for name, each in counts.items() if isinstance(each, list))


def read_line(line: str, *, where: str) -> TrialRecord:
    """The record in one line of JSON; `where` names the line in the error.

    Raises RecordError where the line is not JSON, of another schema version, or not a record.
    """
    try:
        values = from_json(line)
    except UserError as error:
        raise RecordError(f"{where}: {error}") from None
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        raise RecordError(f"{where}: schema version {version!r}; this version reads {SCHEMA_VERSION}")
    try:
        return parse(TrialRecord, values, where="")
    except UserError as error:
        raise RecordError(f"{where}: {error}") from None


def record_lines(content: bytes) -> tuple[list[str], str]:
    """The whole lines in a file of records, and what there is of a last one without its line break.

    Bytes that are not UTF-8 become escapes that JSON refuses, so that the line is named and not altered.
    """
    *whole, unfinished = content.decode("utf-8", errors="backslashreplace").split("\n")
    return whole, unfinished
