"""What `study.json` says of a study: its configuration, how its verdicts are made, and what was changed later.

Loads without torch and without Ray.
"""

from collections.abc import Mapping
from dataclasses import field

from pydantic import JsonValue

from gan_study.trainables.base.seal import seal_of
from gan_study.trainables.base.settings import from_json, parse, settings
from gan_study.trainables.records.record import SCHEMA_VERSION, Digests, refuse_other_versions

# What stands for the methods that validation chooses in the first round, in a family of comparisons.
CHOSEN_GAN, CHOSEN_SIMPLE = "the chosen GAN", "the chosen simple method"
# The balancer whose images are as many, and not new.
DUPLICATES = "duplicates"


@settings
class Change:
    """A requested change of a study's configuration after it had begun."""

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
    """The overall score that is compared, on the test set."""
    methods: tuple[str, ...]
    """Balancers, or CHOSEN_GAN."""
    references: tuple[str, ...]
    """Balancers, or CHOSEN_SIMPLE."""
    ratios: tuple[float | None, ...]
    """Imbalance ratios; None is the ratio of the original data."""

    @property
    def size(self) -> int:
        """The number of comparisons, used to correct their p values."""
        return len(self.methods) * len(self.references) * len(self.ratios)


@settings
class VerdictPlan:
    """How the study computes its verdicts, written before its first confirmed trial."""

    margin: float
    """A smaller gain or loss than this is not worthwhile."""
    looks: tuple[int, ...]
    """Numbers of seeds after which the gains are tested, ascending; one if the number of seeds is fixed."""
    families: tuple[ComparisonFamily, ...]
    """What is compared."""


@settings
class TimePlan:
    """What a study left out to end within a time budget."""

    budget_seconds: float
    """From the start of the command to the end of its report."""
    asked: Mapping[str, JsonValue]
    """The requested configuration, which `gan-study resume` completes."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What the plan left out before the first trial: a sentence for each part."""
    cut: tuple[str, ...] = ()
    """What was planned but did not fit into the time in the end: one sentence each."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that there was no time for, each as a sentence without its end."""
        return (*self.left_out.values(), *self.cut)


@settings
class StudyHeader:
    """The content of `study.json`."""

    schema_version: int = SCHEMA_VERSION
    """Version of this header, of the records and of their arrays."""
    name: str
    """Given by the recipe or by a person."""
    study_id: str
    """Distinguishes the study from others with the same name."""
    created_at: str
    """ISO time."""
    config: Mapping[str, JsonValue]
    """The resolved configuration."""
    environment: Mapping[str, str]
    """The versions at the start of the study."""
    verdicts: VerdictPlan
    """How verdicts are made."""
    digests: Digests = Digests()
    """Digests of the data and the code at the start of the study."""
    changes: tuple[Change, ...] = ()
    """Added seeds, added trials and the like, in the order in which they were requested."""
    time_plan: TimePlan | None = None
    """None without a time budget, or after the study was extended to all that was requested."""
    read_back: tuple[str, ...] = ()
    """What was read of the data and how it was interpreted, one sentence each."""
    gan_precision: Mapping[str, str] = field(default_factory=dict)
    """What a probe found and decided for each GAN, one sentence each; empty without `gan_precision: auto`."""
    classifier_precision: str | None = None
    """What a probe found and decided for the classifier; None without `classifier_precision: auto`."""
    has_seals: bool = False
    """Whether each record has a seal; early versions wrote none."""
    seal: str | None = None
    """A digest of everything else, written by this package; an edit by hand makes it invalid."""

    @property
    def precisions(self) -> dict[str, str]:
        """What a probe found and decided, by what it measured."""
        of_classifier = self.classifier_precision
        return {**self.gan_precision, **({} if of_classifier is None else {"the classifier": of_classifier})}


# In a study's folder: a list of SearchImportance as JSON.
IMPORTANCE_FILE = "importance.json"


@settings
class SearchImportance:
    """How much each searched parameter matters in one search."""

    dataset: str
    classifier: str
    imbalance_ratio: float | None
    """None if one search covered all ratios and balancers."""
    balancer: str | None
    num_trials: int
    """Complete search trials that it is based on."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """A parameter's share in [0, 1] of the total importance; empty if it cannot be computed."""
    missing: str | None = None
    """Why it cannot be computed."""


def read_header(content: bytes) -> StudyHeader:
    """The header in `study.json`.

    Raises ConfigError if it is malformed, RecordError if another version of this package wrote it.
    """
    values = from_json(content)
    # The first version of the header did not say which it was.
    if isinstance(values, dict) and values.keys() & {"schema_version", "study_id"}:
        refuse_other_versions(values, default=1)
    return parse(StudyHeader, values, where="")


def is_as_written(content: bytes) -> bool:
    """Whether a header has not been edited since this package wrote it; raises ConfigError if it is not JSON.

    True if an early version without seals wrote it.
    """
    header = from_json(content)
    return isinstance(header, dict) and is_sealed(header)


def is_sealed(header: Mapping[str, JsonValue]) -> bool:
    """The same for the values of a header."""
    digests = header.get("digests")
    is_early = header.get("seal") is None and not (isinstance(digests, dict) and digests.get("configuration"))
    return is_early or header.get("seal") == seal_of(header)
