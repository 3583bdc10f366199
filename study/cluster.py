"""Ray, started here or joined, and what fits on it."""

import contextlib
import logging
import os
import re
import socket
from collections.abc import Iterator

import ray

from study.config import ResourceConfig
from trainables.settings import UserError

# These networks are small: four trials share a GPU before they wait for one another.
AUTO_GPU_SHARE = 0.25
CONNECTION_SECONDS = 10


@contextlib.contextmanager
def ray_cluster(address: str | None, *, verbose: bool) -> Iterator[None]:
    """Ray for as long as a study runs; one that the caller has started is used and left as it is."""
    if not verbose:
        # Tracebacks: of a failed trial, whose record says why in one line, and of its own snapshots, which
        # are not read.
        for name in ("ray.tune", "ray.train"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if ray.is_initialized():
        yield
        return
    if address is None:
        # A local run asks nobody for a token, whatever an earlier cluster left in the home folder.
        os.environ["RAY_AUTH_MODE"] = "disabled"
    else:
        _check_reachable(address)
    try:
        ray.init(
            # "local" starts a Ray of our own; without it Ray joins whatever cluster is or was running here.
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=verbose,
            logging_level=logging.INFO if verbose else logging.ERROR,
        )
    except ConnectionError as error:
        raise UserError(f"--address {address}: {' '.join(str(error).split())}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise UserError where nothing listens at HOST:PORT; Ray itself would try for minutes."""
    place = re.fullmatch(r"(?:ray://)?([^/]+):(\d+)", address)
    if place is None:
        if address != "auto":
            raise UserError(f"--address {address!r}: write auto, HOST:PORT or ray://HOST:PORT")
        return
    try:
        socket.create_connection((place[1], int(place[2])), timeout=CONNECTION_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"--address {address}: no cluster answers there ({error})") from None


def num_workers(resources: ResourceConfig) -> int:
    """How many trials run at once on the cluster as it is now."""
    cluster = ray.cluster_resources()
    fitting = int(cluster.get("CPU", 1) // resources.cpus_per_trial)
    gpus = gpus_per_trial(resources)
    if gpus > 0:
        fitting = min(fitting, int(cluster.get("GPU", 0) / gpus))
    return max(1, min(fitting, resources.max_concurrent or fitting))


def gpus_per_trial(resources: ResourceConfig) -> float:
    """The share of a GPU that a trial gets."""
    if resources.gpus_per_trial != "auto":
        return resources.gpus_per_trial
    return AUTO_GPU_SHARE if ray.cluster_resources().get("GPU", 0) > 0 else 0.0
