"""A conditional search space as data: which settings of a trial may vary, and in which range."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.base.tunable import Choice, Scalar, Tunable

BALANCER = "balancing/name"
RATIO = "imbalance/ratio"
GENERATOR_STEPS = "balancing/gan/generator_steps"
FLOW_STEPS = "balancing/flow/generator_steps"
AUTOENCODER_STEPS = "balancing/autoencoder/generator_steps"
# Each says how long a generator of its kind is trained.
GENERATOR_STEPS_OF_ALL = (GENERATOR_STEPS, FLOW_STEPS, AUTOENCODER_STEPS)
_BALANCING = "balancing/"


@dataclass(frozen=True, kw_only=True)
class Space:
    """What may vary.

    `parameters` maps a key to its range. A key is the slash-separated path of a setting, such as
    "balancing/gan/learning_rate", and applies to every balancer that has this setting;
    "balancing/gan/learning_rate@cgan" applies only to one balancer and takes precedence. Only the catalog knows
    whether a balancer has a setting, so that a parameter is suggested only if it exists. Only balancing and the
    imbalance ratio may vary: the gain is measured against no balancing in the same setting.
    """

    name: str
    summary: str
    parameters: Mapping[str, Tunable]

    @property
    def balancers(self) -> tuple[str, ...]:
        """The searched balancers."""
        domain = self.parameters[BALANCER]
        assert isinstance(domain, Choice)
        return tuple(str(option) for option in domain.options)

    @property
    def ratios(self) -> tuple[float, ...] | None:
        """The searched imbalance ratios; None if the study has only one imbalance."""
        domain = self.parameters.get(RATIO)
        return tuple(float(option) for option in domain.options) if isinstance(domain, Choice) else None

    def keys_of(self, balancer: str) -> tuple[str, ...]:
        """The keys of the settings that vary for one balancer, besides the ratio."""
        by_path: dict[str, str] = {}
        for key in sorted(self.parameters, key=lambda k: "@" in k):
            path, _, only = key.partition("@")
            if path not in (BALANCER, RATIO) and only in ("", balancer) and _has_setting(balancer, path):
                by_path[path] = key
        return tuple(by_path.values())

    def chosen_steps(self, balancer: str) -> frozenset[int]:
        """The training lengths of a balancer's generator in steps, if they are a choice of a few."""
        for key in self.keys_of(balancer):
            domain = self.parameters[key]
            if key.partition("@")[0] in GENERATOR_STEPS_OF_ALL and isinstance(domain, Choice):
                return frozenset(map(int, domain.options))
        return frozenset()


def apply_changes(space: Space, changes: Mapping[str, Tunable | None]) -> Space:
    """`space` with changes: a range replaces or adds a parameter, None removes it.

    The parameters of a single balancer are removed when it is no longer searched, and so is a parameter of `space`
    that none of the remaining ones has. A change of a setting for all balancers also replaces the entries of
    `space` for single ones. A parameter of `changes` that no balancer has is a ConfigError.
    """
    by_path = {path for key in space.parameters for path in (key, key.partition("@")[0])}
    unknown = [key for key, domain in changes.items() if domain is None and key not in by_path]
    if unknown:
        raise ConfigError(f"search.parameters.{unknown[0]}: not in the space; {nearest(unknown[0], by_path)}")
    kept = {key: domain for key, domain in space.parameters.items() if key.partition("@")[0] not in changes}
    merged = {key: domain for key, domain in {**kept, **changes}.items() if domain is not None}
    whole = _checked_axes(replace(space, parameters=merged))
    used = {BALANCER, RATIO}.union(*(whole.keys_of(balancer) for balancer in whole.balancers))
    for key in merged.keys() & changes.keys():
        _check_key(whole, key)
    return replace(space, parameters={key: domain for key, domain in merged.items() if key in used})


def check_space(space: Space) -> Space:
    """`space`, if a study can search it; otherwise ConfigError names the parameter and the problem."""
    for key in _checked_axes(space).parameters:
        _check_key(space, key)
    return space


def nest(point: Mapping[str, Scalar]) -> dict[str, JsonValue]:
    """A point of a space as the nested dict of its settings: {"a/b@cgan": 1} is {"a": {"b": 1}}."""
    result: dict[str, JsonValue] = {}
    for key, value in point.items():
        *sections, last = key.partition("@")[0].split("/")
        inner = result
        for section in sections:
            step = inner.setdefault(section, {})
            assert isinstance(step, dict)
            inner = step
        inner[last] = value
    return result


def _checked_axes(space: Space) -> Space:
    if not isinstance(space.parameters.get(BALANCER), Choice):
        raise ConfigError(f"search.parameters.{BALANCER}: a choice of balancers is needed")
    for name in space.balancers:
        BALANCERS.find(name, where=f"search.parameters.{BALANCER}")
    ratio = space.parameters.get(RATIO)
    if ratio is not None and not isinstance(ratio, Choice):
        raise ConfigError(
            f"search.parameters.{RATIO}: a choice is needed, since each ratio is compared separately"
        )
    for option in ratio.options if ratio else ():
        if isinstance(option, bool | str) or option < 1:
            raise ConfigError(
                f"search.parameters.{RATIO}: {option!r} cannot be used; a ratio is a number from 1 up"
            )
    return space


def _has_setting(balancer: str, path: str) -> bool:
    return path.removeprefix(_BALANCING) in BALANCERS[balancer].setting_paths


def _check_key(space: Space, key: str) -> None:
    if key in (BALANCER, RATIO):
        return
    path, _, only = key.partition("@")
    if only:
        BALANCERS.find(only, where=f"search.parameters.{key}")
    if not path.startswith(_BALANCING):
        raise ConfigError(f"search.parameters.{key}: only {RATIO} and settings of {_BALANCING} can be searched")
    users = (only,) if only else space.balancers
    if not any(_has_setting(balancer, path) for balancer in users):
        known = {f"{_BALANCING}{p}" for balancer in users for p in BALANCERS[balancer].setting_paths}
        whose = only or "any searched balancer"
        raise ConfigError(f"search.parameters.{key}: not a setting of {whose}; {nearest(path, known)}")
