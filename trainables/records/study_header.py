"""What `study.json` says of a study: its configuration, how its verdicts are made, and what was changed later.

Loads without torch and without Ray.
"""

from collections.abc import Mapping
from dataclasses import field

from pydantic import JsonValue

from gan_study.trainables.base.settings import digest, from_json, parse, settings
from gan_study.trainables.records.record import SCHEMA_VERSION, Digests, refuse_other_versions

# What stands for the methods that validation chooses in the first round, in a family of comparisons.
CHOSEN_GAN, CHOSEN_SIMPLE = "the chosen GAN", "the chosen simple method"
# The balancer whose images are as many, and not new.
DUPLICATES = "duplicates"


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


def read_header(content: bytes) -> StudyHeader:
    """The header in `study.json`.

    Raises ConfigError if it is malformed, RecordError if another version of this package wrote it.
    """
    values = from_json(content)
    # The first version of the header did not say which it was.
    if isinstance(values, dict) and values.keys() & {"schema_version", "study_id"}:
        refuse_other_versions(values, default=1)
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
