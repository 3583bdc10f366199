"""Recipes: named studies, each written as its difference from the defaults."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.overlay import merge
from gan_study.trainables.base.arguments import check_argument, checked_arguments
from gan_study.trainables.base.documents import from_yaml
from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import ConfigError, from_json, nearest
from gan_study.trainables.gans.length import displaced_lengths

_FOLDER = Path(__file__).parents[1] / "recipes"
# Naming another of these makes the settings of the old one meaningless, so they go.
_DISCRIMINATORS = frozenset(
    {"imbalance.profile", "classifier.optimiser.kind", "classifier.schedule.kind", "confirm.image_features.kind"}
)
# No setting lies so deep; a key that is typed by mistake may have any number.
_MOST_DOTS, _SHOWN = 20, 40
# The size that a recipe has as it is written.
FULL = "full"


@checked_arguments
def study_config(name_or_path: Path | str, assignments: Iterable[str] = ()) -> StudyConfig:
    """The study that a recipe describes, with changes.

    Parameters
    ----------
    name_or_path : str
        The name of a recipe (see `gan-study list`), a YAML file, or the `study.json` of an earlier study.
    assignments : iterable of str
        Changes such as "classifier.epochs=3". "scale=ci" makes all changes that the recipe has for this size,
        before the other assignments.

    Returns
    -------
    StudyConfig
        The study, checked as a whole.

    Raises
    ------
    ConfigError
        If there is no such recipe, key or size, or if a value cannot be used; names the nearest one.

    Examples
    --------
    >>> from gan_study import study_config
    >>> config = study_config("quickstart", ["classifier.epochs=3"])
    >>> config.data.name, config.classifier.epochs
    ('digits', 3)
    """
    assignments = list(assignments)
    check_argument("assignments", assignments, Sequence[str])
    values = load_recipe(str(name_or_path))
    scales = (each for each in assignments if each.partition("=")[0].strip() == "scale")
    scale = apply_assignments({"scale": values.get("scale", FULL)}, scales)["scale"]
    return parse_study(apply_assignments(at_scale(values, scale), assignments))


def at_scale(values: Mapping[str, JsonValue], scale: JsonValue) -> dict[str, JsonValue]:
    """A recipe's settings at one of its sizes: "full", or a key of its section `scales`.

    Raises ConfigError if there is no such size, or if the settings have been brought to another one.
    """
    settings, scales = {key: value for key, value in values.items() if key != "scales"}, scales_of(values)
    present = settings.get("scale", FULL)
    if scale == present:
        return settings
    if present != FULL:
        raise ConfigError(f"scale: these are only the settings of size {present!r}, and have no size {scale!r}")
    if not isinstance(scale, str) or scale not in scales:
        raise ConfigError(f"scale: {scale!r} is not a size of this study; {nearest(str(scale), [FULL, *scales])}")
    return merge(settings, scales[scale])


def scales_of(values: Mapping[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
    """The changes of a recipe at each of its sizes except "full"; raises ConfigError if they are no mappings."""
    scales = {} if values.get("scales") is None else values["scales"]
    if not isinstance(scales, dict):
        raise ConfigError(f"scales: {scales!r} cannot be used; a name and changes for each size are needed")
    for name, changes in scales.items():
        if not isinstance(changes, dict | None):
            raise ConfigError(f"scales.{name}: {changes!r} cannot be used; it needs keys and values")
    return {name: changes or {} for name, changes in scales.items() if isinstance(changes, dict | None)}


def recipe_names() -> tuple[str, ...]:
    """The recipes that come with the project."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load_recipe(name_or_path: str) -> dict[str, JsonValue]:
    """The settings in a recipe, a YAML file, or the `study.json` of an earlier study.

    A recipe that `extends` another contains its differences from that, or from that at the size that its own
    `scale` names. Raises ConfigError if there is no such recipe, file or size, or if it is not a mapping.
    """
    path = _FOLDER / f"{name_or_path}.yaml" if name_or_path in recipe_names() else Path(name_or_path)
    if not path.is_file():
        known = nearest(name_or_path, recipe_names())
        raise ConfigError(f"{name_or_path!r} is neither a recipe nor a file; {known}")
    values = _read(path, where=name_or_path)
    if {"study_id", "config"} <= values.keys() and isinstance(values["config"], dict):
        return values["config"]
    base, own = values.pop("extends", None), {"name": path.stem, **values}
    if base is None:
        return _at_own_size(own)
    if base not in recipe_names() or base == name_or_path:
        raise ConfigError(f"extends: {base!r} cannot be used; {nearest(str(base), recipe_names())}")
    inherited = load_recipe(str(base))
    if own.get("scale", FULL) == FULL:
        return merge(inherited, own)
    # Its differences hold at that size, whatever the size itself changes.
    sizes = merge({"scales": inherited.get("scales")}, {"scales": own.pop("scales", {})})
    return merge(at_scale({**inherited, **sizes}, own["scale"]), own)


def _at_own_size(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A recipe with the changes for the size that it names; what `show` prints names one, and has them already."""
    if values.get("scale", FULL) == FULL or not scales_of(values):
        return values
    whole = {key: value for key, value in values.items() if key != "scale"}
    return {**at_scale(whole, values["scale"]), "scale": values["scale"]}


def apply_assignments(values: Mapping[str, JsonValue], assignments: Iterable[str]) -> dict[str, JsonValue]:
    """`values` after assignments such as "classifier.epochs=3"; the right-hand side is YAML.

    All assignments to a section are applied together: a new GAN length replaces all earlier length settings.
    Raises ConfigError if an assignment has no "=", goes through something that is not a section, or replaces a
    section in which an earlier one changed a setting.
    """
    assigned: list[tuple[str, list[str], JsonValue]] = []
    given: dict[tuple[str, ...], dict[str, JsonValue]] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")):
            raise ConfigError(f"--set {assignment!r}: write key=value, for instance classifier.epochs=3")
        if key.count(".") > _MOST_DOTS:
            raise ConfigError(f"--set {key[:_SHOWN]}...: no setting lies {key.count('.')} sections deep")
        try:
            value = from_yaml(text)
        except ConfigError as error:
            raise ConfigError(f"--set {assignment!r}: the value is not YAML ({error})") from None
        *section, name = path = key.strip().split(".")
        lost = next((other for other, inside, _ in assigned if inside[: len(path)] == path != inside), None)
        if lost is not None:
            raise ConfigError(f"--set {key}: it replaces the whole section, and {lost} with it; put it first")
        assigned.append((key, path, value))
        given.setdefault(tuple(section), {})[name] = value
    result = dict(values)
    for place, settings in given.items():
        result = _without(result, place, displaced_lengths(settings))
    for key, path, value in assigned:
        result = _assigned(result, path, value, key)
    return result


def _without(
    values: Mapping[str, JsonValue], section: Sequence[str], names: frozenset[str]
) -> dict[str, JsonValue]:
    """`values` without the settings `names` of a section, if there is one."""
    if not section:
        return {key: value for key, value in values.items() if key not in names}
    name, *rest = section
    inner = values.get(name)
    return {**values, name: _without(inner, rest, names)} if isinstance(inner, dict) else dict(values)


def _assigned(
    values: Mapping[str, JsonValue], path: list[str], value: JsonValue, key: str
) -> dict[str, JsonValue]:
    name, *rest = path
    if not rest:
        return {name: value} if key in _DISCRIMINATORS else {**values, name: value}
    inner = values.get(name) or {}
    if not isinstance(inner, dict):
        raise ConfigError(f"--set {key}: {name} has the value {inner!r} which has no settings inside")
    return {**values, name: _assigned(inner, rest, value, key)}


def _read(path: Path, *, where: str) -> dict[str, JsonValue]:
    try:
        text = read_text(path)
        values = from_json(text) if path.suffix == ".json" else from_yaml(text)
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not a text file") from None
    except ConfigError as error:
        raise ConfigError(f"{where} cannot be read: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{where} is not a mapping of settings")
    return values
