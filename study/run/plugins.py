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
from gan_study.trainables.base.plugins import Kind, load, module_file
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

    @property
    def module(self) -> str:
        """The module that defines it."""
        return self.reference.partition(":")[0]


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
    """The file of each module that defines a part of the study; none is imported."""
    files = {f"the module {each.module}": module_file(each.reference) for each in used_plugins(config)}
    return {what: path for what, path in files.items() if path is not None}


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
    nodes = [node for node in ray.nodes() if node["Alive"] and num_fitting(room.trial, [node["Resources"]])]
    asked = [
        # A worker that dies of the import is not asked again for ever.
        ray.remote(num_cpus=0, max_retries=0)(_look_from_worker)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=True))
        .remote({each.reference: each.key for each in plugins})
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
    for problem in (problem for answer in answers for problem in _problems(plugins, answer)):
        raise ConfigError(problem)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a worker found of the parts: why it cannot import one, or what the file of its module holds."""

    host: str
    problems: Mapping[str, str]
    digests: Mapping[str, str | None]


def _look_from_worker(keys: Mapping[str, str]) -> _Seen:
    problems = {}
    for reference, key in keys.items():
        try:
            load(reference, where=key)
        except ConfigError as error:
            problems[reference] = str(error)
    digests = {reference: _digest(reference) for reference in keys}
    return _Seen(host=socket.gethostname(), problems=problems, digests=digests)


def _problems(plugins: tuple[UsedPlugin, ...], seen: _Seen) -> Iterator[str]:
    for plugin in plugins:
        if plugin.reference in seen.problems:
            yield (
                f"{seen.problems[plugin.reference]}: a worker on {seen.host} cannot load it, although "
                f"this process can; on a cluster install it on every machine, or pass its folder with "
                f"Ray's working_dir or py_modules"
            )
        elif seen.digests[plugin.reference] != _digest(plugin.reference):
            yield (
                f"{plugin.key}: {plugin.name!r}: the module {plugin.module} of a worker on {seen.host} is "
                "different from that of this process; install the same version on every machine"
            )


def _digest(reference: str) -> str | None:
    """Names what the file of a module holds; None if it has none."""
    path = module_file(reference)
    return None if path is None or not path.is_file() else hashlib.sha256(read_bytes(path)).hexdigest()
