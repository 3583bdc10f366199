"""Ray, started here or joined, and the resources it has."""

import contextlib
import itertools
import logging
import os
import re
import resource
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeAlias

import ray
import yaml
from ray.exceptions import AuthenticationError

from gan_study.study.plan.config import ResourceConfig
from gan_study.study.run.ray_guard import ray_ends_with_driver
from gan_study.study.run.ray_internals import (
    HEAD_RESOURCE,
    SOCKET_TOO_LONG,
    cluster_answers,
    job_config,
    listen_on_loopback_only,
    running_cluster,
    without_ray_signal_handler,
)
from gan_study.trainables.base.files import expand, read_text
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.base.signals import end_in_order
from gan_study.trainables.trial.outcome import one_line

# These networks are small: four trials share a GPU before they wait for one another.
AUTO_GPU_SHARE = 0.25
CONNECTION_SECONDS = 10
# What is printed before `ray_cluster` is entered.
STARTING_RAY = "Starting Ray"
# How long a cluster that is just being launched has to show a machine that fits: a person hears within a minute.
JOIN_SECONDS = 45
# Open files of a driver: about a hundred on two cores, and more with every worker. 64 were too few.
FEWEST_FILES = 256

# Where Ray looks for the temporary folder, in this order.
_TEMPORARY = ("RAY_TMPDIR", "TMPDIR")

# Where `ray up` puts its file on the head, with what it found out about its machines.
LAUNCHERS_FILE = "~/ray_bootstrap_config.yaml"
# Set by KubeRay in every pod that it starts Ray in.
KUBERAY_VARIABLE = "KUBERAY_GEN_RAY_START_CMD"

# Made here, so that their levels can be given back.
_WITH_TRACEBACKS = ("ray.tune", "ray.train")
for _name in _WITH_TRACEBACKS:
    logging.getLogger(_name)

# A host by its name or number; one of IPv6 in brackets.
_ADDRESS = re.compile(r"(ray://)?([^/@\[\]:\s]+|\[[0-9A-Fa-f:.]+\]):([0-9]+)")

# What a machine has, or a trial asks for: amounts of CPU, GPU and other resources.
Offer: TypeAlias = Mapping[str, float]


@contextlib.contextmanager
def ray_cluster(address: str | None, *, verbose: bool) -> Iterator[None]:
    """Ray for as long as a study runs; one that the caller has started is used and not changed."""
    if not verbose:
        # Tracebacks: of a failed trial, whose record says why in one line, and of its own snapshots, which
        # are not read.
        for name in _WITH_TRACEBACKS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if ray.is_initialized():
        yield
        return
    with contextlib.ExitStack() as ending:
        ending.enter_context(_files_allowed())
        if address is None:
            ending.enter_context(ray_ends_with_driver())
        with _heeding_sigterm():
            _start_ray(address, verbose=verbose)
            ending.callback(ray.shutdown)
        yield


@contextlib.contextmanager
def _heeding_sigterm() -> Iterator[None]:
    """Let SIGTERM end the process in order while Ray starts, which is the block, and from then on.

    Python drops what a handler raises in a callback of `fork`, which Ray's start calls often: the process is ended
    after the block then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    handle = before if callable(before) else end_in_order
    dropped: list[int] = []

    def heed(number: int, frame: FrameType | None) -> None:
        dropped.append(number)
        handle(number, frame)
        dropped.clear()

    signal.signal(signal.SIGTERM, heed)
    try:
        with without_ray_signal_handler():
            yield
    finally:
        # Also instead of that of Ray's C++ part, which prints frames and aborts.
        signal.signal(signal.SIGTERM, handle)
    for number in dropped:
        handle(number, None)


@contextlib.contextmanager
def _files_allowed() -> Iterator[None]:
    """Let this process open FEWEST_FILES files in the block; raises UserError if it may not.

    A driver that runs out of them waits for ever, or ends without a word.
    """
    soft, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FEWEST_FILES:
        raise UserError(f"the limit on open files (ulimit -n) is {hard}; a study needs {FEWEST_FILES}")
    if soft != resource.RLIM_INFINITY and soft < FEWEST_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FEWEST_FILES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _start_ray(address: str | None, *, verbose: bool) -> None:
    """Start a Ray of our own, or join the one at `address`; raises UserError if that cannot be."""
    # "local" starts a Ray of our own; without it Ray joins whatever cluster is or was running here.
    place = "local" if address is None else _reachable(address)
    if address is None:
        # A local run asks nobody for a token, whatever an earlier cluster left in the home folder.
        os.environ["RAY_AUTH_MODE"] = "disabled"
        _use_absolute_temporary_folder()
    try:
        with listen_on_loopback_only() if address is None else contextlib.nullcontext():
            ray.init(
                address=place,
                job_config=job_config() if address is None else None,
                include_dashboard=False if address is None else None,
                log_to_driver=verbose,
                logging_level=logging.INFO if verbose else logging.ERROR,
            )
    except ConnectionError as error:
        raise UserError(f"--address {address}: {one_line(str(error))}") from None
    # Of any kind: an Exception as such where Ray's own programs do not answer in time, an AttributeError or
    # ImportError where a variable of Ray's names a hook that is not there.
    except Exception as error:
        if SOCKET_TOO_LONG in str(error):
            raise UserError(
                "Ray's sockets are in the temporary folder, whose path is too long for them; set "
                "RAY_TMPDIR to a shorter one, such as /tmp"
            ) from None
        where = "started" if address is None else f"joined (--address {address})"
        raise UserError(f"Ray cannot be {where}: {one_line(str(error))}") from None


def _use_absolute_temporary_folder() -> None:
    """Make the temporary folder's path absolute for Ray, whose processes run in several folders.

    Raises UserError if it or the current folder has a name that Ray cannot use.
    """
    set_ones = [name for name in _TEMPORARY if os.environ.get(name)]
    for name in set_ones:
        os.environ[name] = str(Path(os.environ[name]).absolute())
    for name in set_ones[:1]:
        if not os.environ[name].isascii():
            raise UserError(
                f"{name}={os.environ[name]}: Ray's sockets need a path of ASCII characters; set RAY_TMPDIR to "
                "one, such as /tmp"
            )
    try:
        str(Path.cwd()).encode()
    except UnicodeEncodeError:
        raise UserError("the current folder's path is not UTF-8, which Ray needs; change to another one") from None


def _reachable(address: str) -> str:
    """Where the cluster is that an --address names; Ray itself would look for it again, and try for minutes.

    Raises UserError if there is none, or where what listens there does not answer as a cluster does.
    """
    try:
        found = running_cluster() if address == "auto" else address
    except ConnectionError as error:
        raise UserError(f"--address auto: {one_line(str(error))}") from None
    named = address if found == address else f"{address} ({found})"
    place = _ADDRESS.fullmatch(found)
    if place is None:
        # What is no address is not repeated where it may hold a password.
        shown = "" if "@" in named else f" {named!r}"
        raise UserError(f"--address{shown}: write auto, HOST:PORT or ray://HOST:PORT")
    by_client, host, port = place.groups()
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECTION_SECONDS).close()
    # UnicodeError: a name that is none by the rules for names of hosts.
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(f"--address {named}: no cluster answers there ({error})") from None
    try:
        answers = bool(by_client) or cluster_answers(found)
    except AuthenticationError as error:
        raise UserError(f"--address {named}: {one_line(str(error))}") from None
    if not answers:
        raise UserError(f"--address {named}: the program that listens there is not a Ray cluster")
    return found


@dataclass(frozen=True, kw_only=True)
class Room:
    """The resources of each trial, how many trials run at once, and whether machines may be started for them."""

    trial: Offer
    num_workers: int
    grows: bool


def room_for_trials(resources: ResourceConfig, address: str | None) -> Room:
    """The resources of the cluster of `ray_cluster(address)`, including machines that it can start.

    A joined cluster is given some time to get its first machine. Raises UserError if a trial would wait forever.
    """
    startable = () if address is None else _startable_machines()
    deadline = time.monotonic() + (0 if address is None else JOIN_SECONDS)
    while True:
        present = tuple(node["Resources"] for node in ray.nodes() if node["Alive"])
        trial = asked_for(resources, (*present, *(startable or ())))
        fitting = max(num_fitting(trial, present), num_fitting(trial, startable or ()))
        if fitting > 0 or time.monotonic() >= deadline:
            break
        time.sleep(1)
    if fitting == 0 and startable is not None:
        raise UserError(
            f"resources: a trial asks for {in_words(trial)}; no machine has that, neither the running "
            f"ones ({_all_in_words(present)}) nor those that can be started ({_all_in_words(startable)})"
        )
    num_workers = max(1, min(fitting, resources.max_concurrent or fitting))
    return Room(trial=trial, num_workers=num_workers, grows=startable != ())


def has_machine() -> bool:
    """Whether any machine of the cluster is alive."""
    return any(node["Alive"] for node in ray.nodes())


def asked_for(resources: ResourceConfig, machines: Iterable[Offer]) -> Offer:
    """The resources of a trial; a GPU if there is one or one can be started."""
    gpus = resources.gpus_per_trial
    if gpus == "auto":
        gpus = AUTO_GPU_SHARE if any(machine.get("GPU", 0) > 0 for machine in machines) else 0.0
    return {"CPU": resources.cpus_per_trial, "GPU": gpus}


def num_fitting(trial: Offer, machines: Iterable[Offer]) -> int:
    """How many trials run at once on these machines."""
    asked = {name: amount for name, amount in trial.items() if amount > 0}
    return sum(min(int(machine.get(name, 0) / amount) for name, amount in asked.items()) for machine in machines)


def startable_machines(launched: str | None, environment: Collection[str]) -> tuple[Offer, ...] | None:
    """The machines that an autoscaler can start, from the launcher's file and the names of the variables on the
    head.

    The launcher fills in the resources of a cloud's machines. For your own machines it says nothing, and
    Kubernetes' operator has no such file: None stands for machines with unknown resources.
    """
    if launched is None:
        return None if KUBERAY_VARIABLE in environment else ()
    cluster = yaml.safe_load(launched)
    kinds = [kind for name, kind in cluster["available_node_types"].items() if name != cluster["head_node_type"]]
    if not kinds or not all(kind["resources"] for kind in kinds):
        return None
    most = cluster["max_workers"]
    # Not cut at `most` over all kinds: which of them will be started depends on what is asked for.
    each = ([kind["resources"]] * min(most, kind.get("max_workers", most)) for kind in kinds)
    return tuple(itertools.chain.from_iterable(each))


def in_words(offer: Offer) -> str:
    """CPUs and GPUs in words: 2 CPU, 0.25 GPU."""
    return ", ".join(f"{offer[name]:g} {name}" for name in ("CPU", "GPU") if offer.get(name, 0) > 0) or "no CPU"


def _all_in_words(machines: Iterable[Offer]) -> str:
    counts = Counter(map(in_words, machines))
    return "; ".join(f"{count} with {offer}" for offer, count in counts.items()) or "none"


def _startable_machines() -> tuple[Offer, ...] | None:
    on_head = ray.remote(num_cpus=0, resources={HEAD_RESOURCE: 0.001})(_what_the_head_says)
    return startable_machines(*ray.get(on_head.remote()))


def _what_the_head_says() -> tuple[str | None, tuple[str, ...]]:
    path = expand(LAUNCHERS_FILE)
    return read_text(path) if path.exists() else None, tuple(os.environ)
