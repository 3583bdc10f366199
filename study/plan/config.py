"""What a study is: data, imbalance, classifier, the search, the confirmation, resources."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Annotated, Literal, Self, TypeAlias, cast

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, JsonValue, model_validator

from gan_study.search_spaces.space import BALANCER, Space, apply_changes, check_space, nest
from gan_study.search_spaces.spaces import named_space
from gan_study.study.plan.last_round import CONTENDERS
from gan_study.study.plan.overlay import merge
from gan_study.study.plan.storage_url import check_storage_url
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.files import Place
from gan_study.trainables.base.settings import ConfigError, dump, parse, settings
from gan_study.trainables.base.tunable import Scalar, Tunable, samples
from gan_study.trainables.classifiers.catalog import classifier_model
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.metrics import check_objective, metric_name
from gan_study.trainables.classifiers.pretrained import Pretrained
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.imbalance import Imbalance, LongTailed, StepImbalance
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.gans.batched import BY_DEVICE, GanExecution
from gan_study.trainables.gans.length import LENGTHS
from gan_study.trainables.image_quality.features import DomainFeatures, ImageFeatures
from gan_study.trainables.trial.config import EvaluationConfig, TrialConfig

NO_BALANCING = "none"


Ratio: TypeAlias = float | None


def _is_text(value: object) -> object:
    # Pydantic's own message shows the value, and a URL may hold a password.
    if value is not None and not isinstance(value, str):
        raise ValueError("needs a URL; put quotes around one that ends in a colon")
    return value


def _class_name(value: object) -> object:
    """YAML reads a class named 3 as a number; one named 1.50, true or null has to be quoted."""
    return str(value) if type(value) is int else value


ClassName: TypeAlias = Annotated[str, BeforeValidator(_class_name)]
# Far more than any study needs: a number that is mistyped would fill the memory before the first trial.
MOST_SEEDS = 1000
MOST_TRIALS = 1_000_000
# With larger ones sums over images would leave what floats hold.
Cost: TypeAlias = Annotated[float, Field(ge=0, le=1e12)]


@settings
class Arm:
    """A balancer at an imbalance ratio (None: the study's only imbalance): the unit of search and confirmation."""

    balancer: str
    ratio: Ratio


@settings
class PruningConfig:
    """Early stops of search trials: asynchronous successive halving within each balancer and ratio."""

    rungs: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.33, 1.0), min_length=1)
    """The rungs at which trials are compared, as shares of the variant's default length. Each costs a fit. With
    an earlier rung, or a third instead of half, the best points were stopped too (docs/benchmarks.md)."""
    reduction_factor: int = Field(default=2, ge=2)
    """A trial continues only if its gain is among the best 1/`reduction_factor` of the trials so far."""


@settings
class SearchConfig:
    """How the search for the best configuration of each balancer at each ratio works, on validation data.

    The defaults of all variants race; the survivors are searched, first with points around the default, then with
    TPE. The best three and the default are trained again in another split, and the winner in a third. See
    docs/architecture.md.
    """

    space: str = "gan_variants"
    """The name of a search space."""
    parameters: Mapping[str, Tunable | None] = Field(default_factory=dict)
    """Changes to the space: a range replaces or adds a parameter, null removes it."""
    trials: int = Field(default=32, ge=0, le=MOST_TRIALS)
    """Maximum number of trials of the whole search, including race and last round; a trial that is stopped early
    counts."""
    trials_each: int = Field(default=25, ge=5 + CONTENDERS)
    """Minimum number of trials to search a variant at a ratio, including its default and the last round: two
    variants are searched at each ratio if `trials` is enough, else one, else none. Smaller searches chose
    settings that were worse than the default (docs/benchmarks.md)."""
    allocation: Literal["equal", "adaptive"] = "equal"
    """"equal": every ratio gets the same share of the budget, and so does every variant searched at it;
    "adaptive": Optuna also chooses balancer and ratio, in one study."""
    fits: int = Field(default=3, ge=1)
    """Number of classifiers that each search trial fits to its set: 1 or 2 are enough if refits differ by 0.02, 5
    if by 0.037 (docs/benchmarks.md)."""
    seed: int = 0
    """Seed of the suggestions, and of all search trials except those in further splits."""
    pruning: PruningConfig | None = Field(default_factory=PruningConfig)
    """When search trials are stopped early; null: never."""
    from_study: Place | None = Field(default=None, validation_alias=AliasChoices("from", "from_study"))
    """The folder of a finished study of the same space. Its search trials inform the suggestions of this study,
    but are never chosen themselves. Written `from`."""


@settings
class ConfirmConfig:
    """The fresh seeds with which every balancer is confirmed; only these trials read the test set.

    For `test_each_epoch` and `image_features` see EvaluationConfig.
    """

    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1, max_length=MOST_SEEDS)
    """The seeds of the first round, in which every method is confirmed."""
    until: Literal["fixed", "decided"] = "fixed"
    """"fixed": `seeds` only. "decided": rounds of further seeds for methods that are still undecided."""
    most_seeds: int = Field(default=12, ge=1, le=MOST_SEEDS)
    """Maximum number of seeds of a method, if seeds are added until it is decided."""
    margin: float = Field(default=0.02, gt=0, lt=1)
    """A smaller gain or loss than this is not worthwhile."""
    fits: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Number of classifiers that each confirmed trial fits to its balanced set; "auto": the optimum for the
    measured costs and spreads (`fits.py`), which depends on the machine's speed."""
    test_each_epoch: bool = False
    """Also score the test set after each epoch of the first fit, so that the report can show the best epoch, as
    much of the literature does, beside the last."""
    image_features: ImageFeatures = Field(default_factory=DomainFeatures)
    """The features used to compare generated images with real ones (FID, KID, precision, recall)."""
    frozen_baseline: Pretrained | None = None
    """A pretrained network; the answer then includes the score of a linear head on its frozen features without
    balancing, in the same splits."""


@settings
class ResourceConfig:
    """The resources of one trial, and how many trials run at once."""

    cpus_per_trial: int = Field(default=1, ge=1)
    """CPU cores (and threads) of each trial."""
    gpus_per_trial: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    """"auto": a quarter of a GPU if the cluster has one, since these networks are small; otherwise none."""
    max_concurrent: int | None = Field(default=None, ge=1)
    """None: as many trials at once as the machine has resources for."""
    trial_time_limit_seconds: float | None = Field(default=None, gt=0)
    """A trial that takes longer is stopped and recorded as failed; which trials these are depends on the
    machine."""
    checkpoint_interval_seconds: float = Field(default=60.0, ge=0)
    """How often the state of a GAN is saved during training; at most this much is lost when its process dies."""
    storage_patience_seconds: float = Field(default=60.0, ge=0)
    """How long to retry when storage fails or is full; then the study stops and can be resumed."""
    cache_gb: float = Field(default=10.0, ge=0)
    """Maximum size of all GAN states together, in 10^9 bytes; the least recently used are deleted first."""
    gan_execution: GanExecution = BY_DEVICE
    """How GANs with the same settings are trained: one by one, or in one computation."""


def _check_wandb_name(name: str) -> str:
    if re.fullmatch(r"[^/\\#?%:]{1,128}", name) is None:
        # Not repeated: it may be a URL with a password.
        raise ValueError("this name cannot be used; W&B takes 1 to 128 characters and no / \\ # ? % : among them")
    return name


WandbName: TypeAlias = Annotated[str, AfterValidator(_check_wandb_name)]


@settings
class WandbConfig:
    """The W&B mirror of every trial; "offline" needs no account."""

    mode: Literal["off", "offline", "online"] = "off"
    """"offline" needs no account: runs are written into the study's folder, to be sent later."""
    project: WandbName = "gan-study"
    """The W&B project of the runs."""
    entity: WandbName | None = None
    """The user or team that owns the project; null: the user who is logged in."""


@settings
class StudyConfig:
    """All settings of a study: data, imbalance, classifier, methods, search, confirmation, resources.

    Each setting has its own docstring; `gan-study explain KEY` prints it too.

    See Also
    --------
    study_config : Reads a study from a recipe.

    Examples
    --------
    >>> from gan_study import StepImbalance, StudyConfig
    >>> config = StudyConfig(name="mine", imbalance=StepImbalance(ratio=10, minority_classes=("3", "8")))
    >>> config.objective, config.confirm.seeds
    ('minority_f1', (1, 2, 3))
    """

    name: str
    """The name of the study, also part of its folder's name."""
    summary: str = ""
    """One line that describes the question of the study."""
    scale: str = "full"
    """The size of the recipe that was used."""
    data: DataConfig = Field(default_factory=DataConfig)
    """The images, and how they are read."""
    imbalance: Imbalance
    """How the training images are made imbalanced, and which classes are rare."""
    classifier: ClassifierConfig = Field(default_factory=ClassifierConfig)
    """The classifier to be improved."""
    baselines: tuple[str, ...] = (
        "random_oversampling",
        "random_undersampling",
        "class_weights",
        "image_transforms",
        "duplicates",
    )
    """The simple methods that every GAN has to beat; they have nothing to tune."""
    balancers: Mapping[str, Mapping[str, JsonValue]] = Field(default_factory=dict)
    """Settings of balancers, where they differ from the defaults."""
    objective: Annotated[str, AfterValidator(metric_name)] = "minority_f1"
    """The metric to maximise: the search maximises its gain over no balancing on validation data. An overall
    score (`trainables/classifiers/metrics.py`), or "module:function", a function of labels [N], probabilities [N,
    K] and weights [N] that returns a float, where larger is better, in a module that all workers can import. A
    name that an installed package registers is replaced by its function, which the records name."""
    costs: Mapping[ClassName, Mapping[ClassName, Cost]] = Field(default_factory=dict)
    """Cost of mistakes, by true and then by predicted class; 1 if not given. With costs every trial also computes
    `expected_cost`, which may be the objective."""
    gan_precision: Literal["float32", "auto"] = "float32"
    """The precision of each GAN whose `balancers.NAME.gan.precision` is not set. "auto": when the study begins,
    each is measured on this machine's CPU, and trained in bf16 if that is at least 1.15 times as fast and as exact
    as rounding allows (`trainables/base/precision_probe.py`). `study.json` holds the decisions; a resumed study
    keeps them. Cannot be used with --address or on a GPU."""
    classifier_precision: Literal["float32", "auto"] = "float32"
    """The precision in which the classifier is trained if `classifier.precision` is not set. "auto": decided as
    for GANs."""
    search: SearchConfig = Field(default_factory=SearchConfig)
    """How the settings of each balancer are searched."""
    confirm: ConfirmConfig = Field(default_factory=ConfirmConfig)
    """How methods are compared on the test set, with fresh seeds."""
    resources: ResourceConfig = Field(default_factory=ResourceConfig)
    """The resources of each trial, and how many trials run at once."""
    storage: Annotated[str | None, BeforeValidator(_is_text)] = None
    """An Optuna storage URL (None: SQLite in the study folder). ${NAME} in it is replaced by an environment
    variable; a password must be written in this way."""
    wandb: WandbConfig = Field(default_factory=WandbConfig)
    """Whether and where trials are mirrored to W&B."""

    @model_validator(mode="after")
    def _fresh_seeds(self) -> Self:
        if self.search.seed in self.confirm.seeds:
            raise ValueError(f"confirm.seeds contains the search seed {self.search.seed}; fresh seeds are needed")
        if len(set(self.confirm.seeds)) < len(self.confirm.seeds):
            raise ValueError(f"confirm.seeds repeats a seed: {list(self.confirm.seeds)}")
        if self.confirm.until == "decided" and self.confirm.most_seeds < len(self.confirm.seeds):
            raise ValueError(
                f"confirm.most_seeds is {self.confirm.most_seeds}, fewer than the {len(self.confirm.seeds)} seeds"
                " of the first round"
            )
        return self

    def space(self) -> Space:
        """The search space after this study's changes; raises ConfigError if it cannot be searched."""
        return self._space

    # Whatever is planned or forecast asks for it, thousands of times a study.
    @cached_property
    def _space(self) -> Space:
        return apply_changes(check_space(named_space(self.search.space)), self.search.parameters)

    def ratios(self) -> tuple[Ratio, ...]:
        """The imbalance ratios of the study; None stands for its only imbalance."""
        return self.space().ratios or (None,)

    def imbalance_at(self, ratio: Ratio) -> Imbalance:
        """The study's imbalance at one of its `ratios`."""
        if ratio is None:
            return self.imbalance
        assert isinstance(self.imbalance, StepImbalance | LongTailed), "check_study_config saw to it"
        return replace(self.imbalance, ratio=ratio)

    def arms(self, balancers: Iterable[str]) -> tuple[Arm, ...]:
        """Each of `balancers` at each of the study's `ratios`."""
        return tuple(Arm(balancer=name, ratio=ratio) for ratio in self.ratios() for name in balancers)

    def simple_balancers(self) -> tuple[str, ...]:
        """No balancing, and the baselines that are not searched themselves."""
        searched = self.space().balancers
        return (NO_BALANCING, *(name for name in self.baselines if name not in (NO_BALANCING, *searched)))

    def settings_of(self, balancer: str) -> dict[str, JsonValue]:
        """The settings of a balancer in this study, in the form that `parse_balancing` reads."""
        return {"name": balancer, **self.balancers.get(balancer, {})}

    def decides_precision(self, balancer: str) -> bool:
        """Whether the precision of this balancer's GAN, if it has one, is still to be decided by a probe."""
        gan = self.balancers.get(balancer, {}).get("gan")
        is_set = isinstance(gan, Mapping) and "precision" in gan
        return self.gan_precision == "auto" and not is_set

    @property
    def decides_classifier_precision(self) -> bool:
        """Whether the classifier's precision is still to be decided by a probe."""
        return self.classifier_precision == "auto" and self.classifier.precision is None

    def balancing_by(self, balancer: str) -> BalancingConfig:
        """The balancer with its settings in this study."""
        return parse_balancing(self.settings_of(balancer))

    def balancing_at(self, params: Mapping[str, Scalar]) -> BalancingConfig:
        """The balancer with its settings replaced by those of a point of the space; raises ConfigError.

        A length in the point replaces all length settings of the balancer.
        """
        changes = cast(dict[str, JsonValue], nest(params)["balancing"])
        return parse_balancing(merge(self.settings_of(str(params[BALANCER])), changes))


def parse_study(values: Mapping[str, JsonValue]) -> StudyConfig:
    """The study described by a nested mapping, with all checks.

    Raises ConfigError with the full key, the value, and what is allowed.
    """
    config = parse(StudyConfig, values, where="")
    check_study_config(config)
    return config


def check_study_config(config: StudyConfig) -> None:
    """Raise ConfigError if settings do not fit together, or name unknown parts."""
    _check_data(config.data)
    classifier_model(config.classifier)
    padding = config.classifier.augmentation.crop_padding
    if padding >= config.data.image_size:
        raise ConfigError(
            f"classifier.augmentation.crop_padding: {padding}; nothing may be left of an image from its size on, "
            f"which is {config.data.image_size} pixels"
        )
    check_objective(config.objective, config.costs)
    if config.storage is not None:
        check_storage_url(config.storage)
    for key, names in (("baselines", config.baselines), ("balancers", config.balancers)):
        for name in names:
            BALANCERS.find(name, where=key)
    if repeated := [name for name, times in Counter(config.baselines).items() if times > 1]:
        # Its comparisons would be corrected for once more each.
        raise ConfigError(f"baselines repeats {repeated[0]!r}")
    for name in config.balancers:
        parse_balancing(config.settings_of(name), where=f"balancers.{name}")
    space = config.space()
    if NO_BALANCING in space.balancers:
        raise ConfigError(
            "search.parameters.balancing/name: 'none' is the reference for gains and cannot be searched"
        )
    if space.ratios is not None and not isinstance(config.imbalance, StepImbalance | LongTailed):
        raise ConfigError(
            f"search.parameters.imbalance/ratio: the imbalance profile {config.imbalance.profile!r} has no ratio; "
            "use step or long_tailed"
        )
    if config.search.trials:
        _check_points(config, space)


def _check_data(data: DataConfig) -> None:
    """Raise ConfigError for settings of image folders where the data set reads none."""
    data_set = DATA_SETS.find(data.name, where="data.name")
    if not data_set.takes_folder and data.root is not None:
        raise ConfigError(f"data.root (--data): the data set {data.name!r} reads no folder")
    if data_set.is_looked_for or not data_set.takes_folder:
        usual = DataConfig()
        for key in ("train", "test", "exclude", "class_level", "labels", "columns"):
            if getattr(data, key) != getattr(usual, key):
                raise ConfigError(f"data.{key}: only image folders have it; the data set is {data.name!r}")


def _check_points(config: StudyConfig, space: Space) -> None:
    """Raise ConfigError if a balancer cannot be used at a point of the space.

    Each setting is tried with the others as the study has them, and those that say a length together: no other two
    depend on each other.
    """
    for balancer in space.balancers:
        keys = space.keys_of(balancer)
        lengths = [key for key in keys if key.partition("@")[0].rpartition("/")[2] in LENGTHS]
        for values in product(*(samples(space.parameters[key]) for key in lengths)):
            _try_point(config, balancer, dict(zip(lengths, values, strict=True)))
        for key in keys:
            made: dict[str, Scalar] = {}
            for value in samples(space.parameters[key]) if key not in lengths else ():
                same = made.setdefault(_try_point(config, balancer, {key: value}), value)
                if same is not value:
                    raise ConfigError(
                        f"search.parameters.{key}: {same!r} and {value!r} are the same for {balancer}"
                    )


def _try_point(config: StudyConfig, balancer: str, point: Mapping[str, Scalar]) -> str:
    """What `balancer` is at a point, as text; raises ConfigError if the study cannot use it there."""
    try:
        balancing = config.balancing_at({BALANCER: balancer, **point})
        TrialConfig(
            seed=config.search.seed,
            evaluation=EvaluationConfig(),
            data=config.data,
            imbalance=config.imbalance,
            classifier=config.classifier,
            balancing=balancing,
        )
    except ConfigError as error:
        if not point:
            # Its own settings, without a point.
            raise
        given = " with ".join(f"{key}: {value!r}" for key, value in point.items())
        raise ConfigError(f"search.parameters.{given} cannot be used for {balancer}: {error}") from None
    return str(balancing.dump())


def resolve_study(config: StudyConfig) -> dict[str, JsonValue]:
    """The configuration as `parse_study` reads it, with search space and settings of all balancers written out."""
    space = config.space()
    # What was taken out of the named space is null, or it would be back when this is read.
    parameters: dict[str, JsonValue] = dict.fromkeys(
        sorted(named_space(config.search.space).parameters.keys() - space.parameters.keys())
    )
    parameters |= {key: dump(domain) for key, domain in space.parameters.items()}
    balancers: dict[str, JsonValue] = {}
    for name in (*config.simple_balancers(), *space.balancers):
        resolved = config.balancing_by(name).dump()
        balancers[name] = {key: value for key, value in resolved.items() if key != "name"}
        gan = resolved.get("gan")
        if isinstance(gan, dict) and config.decides_precision(name):
            # Written out, it would count as chosen by a person.
            del gan["precision"]
    return {**dump(config), "balancers": balancers, "search": {**dump(config.search), "parameters": parameters}}
