"""Tells Ray that this machine is about to be taken away: `python -m gan_study.study.run.spot_notice`.

AWS announces it two minutes before it ends a spot machine, through the machine's metadata service (Amazon EC2 User
Guide, "Spot Instance interruption notices"). From then on Ray places nothing more here; running trials continue
until the machine ends, and are continued elsewhere from their last saved state. `cluster.yaml` starts this beside
Ray on each worker. It loads only Python's standard library while it waits.
"""

import datetime
import json
import math
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

# The same on every machine of AWS.
SERVICE = "http://169.254.169.254"
TOKEN, NOTICE = "/latest/api/token", "/latest/meta-data/spot/instance-action"
# AWS recommends to look every five seconds.
EVERY_SECONDS = 5.0
_TIMEOUT_SECONDS = 2.0
_TOKEN_SECONDS = 60


class NoServiceError(RuntimeError):
    """There is no metadata service: this is not an AWS machine."""


def end_of_machine(service: str = SERVICE) -> datetime.datetime | None:
    """When this machine will be taken away; None as long as there is no notice.

    Raises NoServiceError if the service does not answer.
    """
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)}
    try:
        token = _read(urllib.request.Request(service + TOKEN, method="PUT", headers=lifetime))
        said = _read(urllib.request.Request(service + NOTICE, headers={"X-aws-ec2-metadata-token": token}))
    except urllib.error.HTTPError as error:
        # 404: no notice. Anything else comes and goes, as 503 when too many ask.
        error.close()
        return None
    except OSError as error:
        raise NoServiceError(f"no metadata service answers at {service}: {error}") from error
    return datetime.datetime.fromisoformat(json.loads(said)["time"])


def watch(
    drain: Callable[[int], None],
    *,
    service: str = SERVICE,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait for the notice, and call `drain` with the whole seconds that are left, at least one.

    Raises NoServiceError if the first request gets no answer; later ones are retried.
    """
    end = end_of_machine(service)
    while end is None:
        sleep(EVERY_SECONDS)
        try:
            end = end_of_machine(service)
        except NoServiceError:
            continue
    left = (end - datetime.datetime.now(datetime.UTC)).total_seconds()
    drain(max(1, math.floor(left)))


def drain_node(seconds_left: int, *more: str) -> None:
    """Let Ray place nothing more on this node, which has this many seconds left; `more` options of the command."""
    ray = Path(sys.executable).with_name("ray")
    reason = ("--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=the spot machine is taken away")
    subprocess.run(
        [str(ray), "drain-node", *reason, f"--deadline-remaining-seconds={seconds_left}", *more], check=True
    )


def _read(request: urllib.request.Request) -> str:
    # The service is the machine's own: no proxy leads to it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
        found: str = answer.read().decode()
    return found


def main() -> int:
    """Wait for the notice and pass it on; 1 if there can be none."""
    try:
        watch(drain_node)
    except NoServiceError as error:
        print(f"spot_notice: {error}; cannot wait for a notice", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
