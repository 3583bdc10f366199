"""The parts of a study from outside of this package: checked before its first trial, here and in workers."""

import hashlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gan_study.study.plan.config import StudyConfig
from gan_study.study.run.cluster import Room, num_fitting
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.plugin_code import module_file, part_modules, part_versions
from gan_study.trainables.base.plugins import Kind, load
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.metrics import is_own
from gan_study.trainables.contracts.parts import check_part, find_parts
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.trial.outcome import describe_failure


@dataclass(frozen=True, kw_only=True)
class UsedPlugin:
    """A part from outside of this package, by the setting that names it."""

    key: str
    name: str
    reference: str
    """Where it is: "module:attribute"."""
    kinds: Sequence[Kind]
    """What it may be."""


def used_plugins(config: StudyConfig) -> tuple[UsedPlugin, ...]:
    """The plugins that a study uses; nothing is imported."""
    catalogs = (
        ("data.name", DATA_SETS, [config.data.name]),
        ("classifier.name", CLASSIFIERS, [] if config.classifier.backbone else [config.classifier.name]),
        ("baselines", BALANCERS, config.simple_balancers()),
        ("search.parameters.balancing/name", BALANCERS, config.space().balancers),
    )
    found = [
        UsedPlugin(key=key, name=name, reference=reference, kinds=catalog.kinds)
        for key, catalog, names in catalogs
        for name in names
        if (reference := catalog.reference(name, where=key)) is not None
    ]
    if is_own(config.objective):
        name = config.objective
        found.append(UsedPlugin(key="objective", name=name, reference=name, kinds=("metrics",)))
    return tuple(found)


def plugin_files(config: StudyConfig) -> dict[str, Path]:
    """The file of each module that a part of the study depends on (`plugin_code`); none is imported."""
    return {
        f"the module {name}": path
        for each in used_plugins(config)
        for name, path in part_modules(each.reference).items()
    }


def plugin_versions(config: StudyConfig) -> dict[str, str]:
    """The version of each installed distribution that has a part of the study."""
    return {
        f"the version of {name}": version
        for each in used_plugins(config)
        for name, version in part_versions(each.reference).items()
    }


def check_plugins(config: StudyConfig, *, shape: ImageShape, num_classes: int) -> None:
    """Raise ConfigError if a plugin breaks one of the promises of its kind, with the study's own images."""
    for plugin in used_plugins(config):
        # Another kind may have a part of the same name.
        for part in [each for each in find_parts(plugin.name, where=plugin.key) if each.kind in plugin.kinds]:
            findings = check_part(
                part, data=config.data, shapes=(shape,), class_counts=(num_classes,), where=plugin.key
            )
            for finding in findings:
                if finding.wrong is not None:
                    raise ConfigError(
                        f"{plugin.key}: {plugin.name!r} breaks a promise of {part.kind}: {finding.promise} "
                        f"({finding.wrong}); see `gan-study check-plugin`"
                    )


def check_in_workers(config: StudyConfig, room: Room) -> None:
    """Raise ConfigError if a plugin cannot be imported where trials run, or has different code there.

    Checks one worker on each machine that has room for a trial. Without this check all trials would fail one by
    one, far from the cause. A machine that has not been started is not checked.
    """
    plugins = used_plugins(config)
    modules = {each: tuple(part_modules(each.reference)) for each in plugins}
    names = sorted({name for some in modules.values() for name in some})
    nodes = [node for node in ray.nodes() if node["Alive"] and num_fitting(room.trial, [node["Resources"]])]
    asked = [
        # A worker that dies of the import is not asked again for ever.
        ray.remote(num_cpus=0, max_retries=0)(_look_from_worker)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=True))
        .remote({each.reference: each.key for each in plugins}, names)
        for node in nodes
        if plugins
    ]
    try:
        answers = ray.get(asked)
    except RayError as error:
        reason = describe_failure(error.cause if isinstance(error, RayTaskError) else error)
        raise ConfigError(
            f"{plugins[0].key}: a worker cannot be asked for {plugins[0].name!r}: {reason}"
        ) from None
    for problem in (problem for answer in answers for problem in _problems(modules, answer)):
        raise ConfigError(problem)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a worker found of the parts."""

    host: str
    problems: Mapping[str, str]
    """Why it cannot import a part, by the part's reference."""
    digests: Mapping[str, str | None]
    """What the files of modules hold, by the module's name."""


def _look_from_worker(keys: Mapping[str, str], modules: Sequence[str]) -> _Seen:
    problems = {}
    for reference, key in keys.items():
        try:
            load(reference, where=key)
        except ConfigError as error:
            problems[reference] = str(error)
    digests = {name: _digest(name) for name in modules}
    return _Seen(host=socket.gethostname(), problems=problems, digests=digests)


def _problems(modules: Mapping[UsedPlugin, Sequence[str]], seen: _Seen) -> Iterator[str]:
    """What is wrong with the parts in a worker; `modules` are those on which each depends, in this process."""
    for plugin, names in modules.items():
        if plugin.reference in seen.problems:
            yield (
                f"{seen.problems[plugin.reference]}: a worker on {seen.host} cannot load it, although "
                f"this process can; on a cluster install it on every machine, or pass its folder with "
                f"Ray's working_dir or py_modules"
            )
            continue
        for name in names:
            if seen.digests[name] != _digest(name):
                yield (
                    f"{plugin.key}: {plugin.name!r}: the module {name} of a worker on {seen.host} is "
                    "different from that of this process; install the same version on every machine"
                )


def _digest(module: str) -> str | None:
    """Names what the file of a module holds; None if it has none."""
    path = module_file(module)
    return None if path is None or not path.is_file() else hashlib.sha256(read_bytes(path)).hexdigest()
