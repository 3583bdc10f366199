"""What a study is: data, imbalance, classifier, the search, the confirmation, resources."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, Self, TypeAlias

from pydantic import Field, JsonValue, model_validator

from gan_study.search_spaces.space import Space, changed, checked
from gan_study.search_spaces.spaces import named_space
from gan_study.study.plan.storage_url import holds_password
from gan_study.trainables.balancing.catalog import BALANCERS, dump_balancing, parse_balancing
from gan_study.trainables.base.settings import ConfigError, dump, nearest, parse, settings
from gan_study.trainables.base.tunable import Tunable
from gan_study.trainables.classifiers.catalog import classifier_model
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.data.catalog import data_set
from gan_study.trainables.data.imbalance import Imbalance, LongTailed, Step
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.gans.batched import BY_DEVICE, GanExecution
from gan_study.trainables.image_quality.features import DomainFeatures, ImageFeatures

Metric: TypeAlias = Literal["minority_f1", "minority_recall", "macro_f1", "balanced_accuracy", "g_mean", "roc_auc"]

NO_BALANCING = "none"


@settings
class PruningConfig:
    """Successive halving (ASHA, Li et al. 2020) within each balancer and ratio.

    A GAN is tried after `grace_epochs` epochs and after each `reduction_factor` times as many; it goes on only if
    its gain is among the best 1/`reduction_factor` of those that came so far.
    """

    grace_epochs: int = Field(default=25, ge=1)
    reduction_factor: int = Field(default=3, ge=2)


@settings
class SearchConfig:
    """How the best configuration of each balancer at each ratio is looked for, on validation data.

    `space` names a space, which `parameters` changes (a range replaces or adds, null takes out). `trials` is the
    whole budget. `allocation` "equal" gives every balancer at every ratio the same share of it, and Optuna
    searches each by itself; "adaptive" lets Optuna choose balancer and ratio too. The first trial of each has
    the balancer's defaults, `startup_trials` are random (of each balancer and ratio where the allocation is
    equal), the rest are TPE's. A suggestion knows the results of all trials but the last `lag` before it: a
    larger lag lets more machines work at once, and the suggestions do not depend on how many do. `seed` seeds
    the suggestions and is the seed of every search trial.
    """

    space: str = "gan_variants"
    parameters: Mapping[str, Tunable | None] = Field(default_factory=dict)
    trials: int = Field(default=32, ge=0)
    allocation: Literal["equal", "adaptive"] = "equal"
    startup_trials: int = Field(default=4, ge=1)
    lag: int = Field(default=16, ge=1)
    seed: int = 0
    pruning: PruningConfig | None = None


@settings
class ConfirmConfig:
    """The fresh seeds with which every balancer is confirmed; only here is the test part read.

    For `test_each_epoch` and `image_features` see EvaluationConfig.
    """

    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1)
    test_each_epoch: bool = False
    image_features: ImageFeatures = Field(default_factory=DomainFeatures)


@settings
class ResourceConfig:
    """What one trial gets, and how many run at once (None: as many as fit).

    `gpus_per_trial` "auto" is a quarter of a GPU where the cluster has one, since these networks are small, and
    none elsewhere. A trial that takes longer than `trial_time_limit_seconds` (None: no limit) is stopped and
    recorded as failed; which trials are depends on the machine. While a GAN trains, its state is kept every
    `checkpoint_interval_seconds`: so much is lost at most where its process dies. Storage that fails or is full is
    tried again for `storage_patience_seconds`; then the study stops, and `resume` goes on. The states of GANs take
    at most `kept_gb` (of 10^9 bytes) in the whole study: those that were not used for longest go first. For
    `gan_execution` see GanExecution.
    """

    cpus_per_trial: int = Field(default=1, ge=1)
    gpus_per_trial: float | Literal["auto"] = "auto"
    max_concurrent: int | None = Field(default=None, ge=1)
    trial_time_limit_seconds: float | None = Field(default=None, gt=0)
    checkpoint_interval_seconds: float = Field(default=60.0, ge=0)
    storage_patience_seconds: float = Field(default=60.0, ge=0)
    kept_gb: float = Field(default=10.0, ge=0)
    gan_execution: GanExecution = BY_DEVICE


@settings
class WandbConfig:
    """Where the mirror of every trial goes; "offline" needs no account."""

    mode: Literal["off", "offline", "online"] = "off"
    project: str = "gan-study"


@settings
class StudyConfig:
    """A study.

    `scale` names the size of the recipe that it was made from. `baselines` are the simple methods that every GAN
    has to beat; they have nothing to tune. `balancers` gives some balancers other settings than their defaults.
    `objective` is the metric whose gain over no balancing, on validation data, the search maximises. `storage` is
    an Optuna storage URL (None: SQLite in the study folder), in which ${NAME} stands for an environment variable;
    a password has to be written so. With `tensorboard` Ray writes its files for it, to `ray/` in the study folder,
    which then stays.
    """

    name: str
    summary: str = ""
    scale: str = "full"
    data: DataConfig = Field(default_factory=DataConfig)
    imbalance: Imbalance
    classifier: ClassifierConfig = Field(default_factory=ClassifierConfig)
    baselines: tuple[str, ...] = (
        "random_oversampling",
        "random_undersampling",
        "class_weights",
        "image_transforms",
        "duplicates",
    )
    balancers: Mapping[str, Mapping[str, JsonValue]] = Field(default_factory=dict)
    objective: Metric = "minority_f1"
    search: SearchConfig = Field(default_factory=SearchConfig)
    confirm: ConfirmConfig = Field(default_factory=ConfirmConfig)
    resources: ResourceConfig = Field(default_factory=ResourceConfig)
    storage: str | None = None
    wandb: WandbConfig = Field(default_factory=WandbConfig)
    tensorboard: bool = False

    @model_validator(mode="after")
    def _fresh_seeds(self) -> Self:
        if self.search.seed in self.confirm.seeds:
            raise ValueError(f"confirm.seeds holds the search seed {self.search.seed}; fresh seeds are needed")
        if len(set(self.confirm.seeds)) < len(self.confirm.seeds):
            raise ValueError(f"confirm.seeds repeats a seed: {list(self.confirm.seeds)}")
        return self

    def space(self) -> Space:
        """The search space after this study's changes; raises ConfigError where it cannot be searched."""
        return changed(checked(named_space(self.search.space)), self.search.parameters)

    def ratios(self) -> tuple[float | None, ...]:
        """The imbalance ratios of the study; None stands for the one imbalance it has."""
        return self.space().ratios or (None,)

    def imbalance_at(self, ratio: float | None) -> Imbalance:
        """The study's imbalance at one of its `ratios`."""
        if ratio is None:
            return self.imbalance
        assert isinstance(self.imbalance, Step | LongTailed), "parse_study saw to it"
        return replace(self.imbalance, ratio=ratio)

    def simple_balancers(self) -> tuple[str, ...]:
        """No balancing, and the baselines that are not searched themselves."""
        searched = self.space().balancers
        return (NO_BALANCING, *(name for name in self.baselines if name not in (NO_BALANCING, *searched)))

    def settings_of(self, balancer: str) -> dict[str, JsonValue]:
        """The settings that a balancer has in this study, as `parse_balancing` takes them."""
        return {"name": balancer, **self.balancers.get(balancer, {})}


def parse_study(values: Mapping[str, JsonValue]) -> StudyConfig:
    """The study that a nested mapping describes, checked as a whole.

    Raises ConfigError with the full key, the value, and what is allowed.
    """
    config = parse(StudyConfig, values, where="")
    if not data_set(config.data).takes_folder and config.data.root is not None:
        raise ConfigError(f"data.root (--data): the data set {config.data.name!r} reads no folder")
    classifier_model(config.classifier)
    if config.storage is not None and holds_password(config.storage):
        raise ConfigError(
            "storage: a password in it would be written to study.json; set an environment variable to it, say "
            "DATABASE_PASSWORD, and write ${DATABASE_PASSWORD} in its place"
        )
    for key in ("baselines", "balancers"):
        for name in getattr(config, key):
            if name not in BALANCERS:
                raise ConfigError(f"{key}: {name!r} is unknown; {nearest(name, BALANCERS)}")
    for name in config.balancers:
        parse_balancing(config.settings_of(name), where=f"balancers.{name}")
    space = config.space()
    if NO_BALANCING in space.balancers:
        raise ConfigError(
            "search.parameters.balancing/name: 'none' is what gains are measured against, not searched"
        )
    if space.ratios is not None and not isinstance(config.imbalance, Step | LongTailed):
        raise ConfigError(
            f"search.parameters.imbalance/ratio: the imbalance profile {config.imbalance.profile!r} has no ratio; "
            "use step or long_tailed"
        )
    return config


def dump_study(config: StudyConfig) -> dict[str, JsonValue]:
    """The fully resolved configuration; `parse_study` of it gives the same study."""
    return dump(config)


def resolved_study(config: StudyConfig) -> dict[str, JsonValue]:
    """`dump_study` with the search space and every balancer's settings written out."""
    space = config.space()
    # What was taken out of the named space is null, or it would be back when this is read.
    taken_out = named_space(config.search.space).parameters.keys() - space.parameters.keys()
    parameters: dict[str, JsonValue] = {
        **dict.fromkeys(sorted(taken_out)),
        **{key: dump(domain) for key, domain in space.parameters.items()},
    }
    resolved = dump_study(config)
    search = resolved["search"]
    assert isinstance(search, dict)
    balancers = {
        name: dump_balancing(parse_balancing(config.settings_of(name)))
        for name in (*config.simple_balancers(), *space.balancers)
    }
    settings_only: dict[str, JsonValue] = {
        name: {key: value for key, value in dumped.items() if key != "name"} for name, dumped in balancers.items()
    }
    return {**resolved, "balancers": settings_only, "search": {**search, "parameters": parameters}}
