"""Hosts made for a test, on this machine: each has a network, a process tree, a home and a /tmp of its own.

What one host does, `ray stop` for instance, no other can feel; and a host that is cut off dies whole, as in a
power cut. They see this machine's files, and one folder of their own that all of them share. Needs root.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("sshd", "ssh", "ssh-keygen", "ip", "rsync", "unshare", "nsenter", "setpriv")
USER = "ubuntu"
SHARED = "/mnt/studies"

# Addresses that are given to no one (RFC 5737); the hosts' network has no way out anyway.
NETWORK = "192.0.2"

_SSHD = f"""
Port 22
HostKey /home/{USER}/.ssh/host_key
AuthorizedKeysFile /home/{USER}/.ssh/authorized_keys
PermitRootLogin yes
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
"""

# /tmp, /home, /mnt and shared memory are the host's own; the checkout and the environment stay where they are,
# even if that is in /tmp. The user is root under a cloud image's name, with a home of its own. bash, as a host's
# first process has to, waits for all who lose their parent.
_BOOT = """
set -e
hostname "$NAME"
mount -t tmpfs none /mnt
mkdir /mnt/home /mnt/studies /mnt/checkout /mnt/environment
mount --bind "$HOME_FOLDER" /mnt/home
mount --bind "$SHARED_FOLDER" /mnt/studies
mount --bind "$CHECKOUT" /mnt/checkout
mount --bind "$ENVIRONMENT" /mnt/environment
for own in /tmp /home /run /dev/shm; do mount -t tmpfs none "$own"; done
chmod 1777 /tmp /dev/shm
mkdir -p "$CHECKOUT" "/home/$HOST_USER" /run/sshd
mount --bind /mnt/checkout "$CHECKOUT"
mkdir -p "$ENVIRONMENT"
mount --bind /mnt/environment "$ENVIRONMENT"
mount --bind /mnt/home "/home/$HOST_USER"
echo "$HOST_USER:x:0:0::/home/$HOST_USER:/bin/bash" | cat - /etc/passwd > /mnt/passwd
mount --bind /mnt/passwd /etc/passwd
"$SSHD" -D -e -f "/home/$HOST_USER/.ssh/sshd_config" 2> "/home/$HOST_USER/sshd.log" &
echo ready
wait
"""


def skip_without_hosts() -> None:
    """Skips the test, and says why, where hosts cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("hosts made for a test need root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"hosts made for a test need {', '.join(missing)}")
    tried = subprocess.run(
        ["unshare", "--net", "--pid", "--mount", "--uts", "--fork", "--mount-proc", "true"],
        capture_output=True,
        text=True,
    )
    if tried.returncode != 0:
        pytest.skip(f"hosts made for a test need namespaces: {tried.stderr.strip()}")


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host; `init` is its first process as this machine counts, without which it is gone."""

    name: str
    address: str
    home: Path
    init: int

    def start(self, command: str) -> subprocess.Popen[str]:
        """`command`, begun in a shell of the host, in the checkout."""
        return subprocess.Popen(
            ["nsenter", "--target", str(self.init), "--all", "bash", "-c", f"cd {ROOT} && {command}"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, *, timeout: float = 120, check: bool = True) -> str:
        """What `command` prints on the host; fails the test where it fails."""
        process = self.start(command)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            pytest.fail(f"{self.name}: {command}: not done after {timeout} s\n{output}")
        assert not check or process.returncode == 0, f"{self.name}: {command}:\n{output}"
        return output

    def processes(self) -> list[str]:
        """The command lines of all that runs on the host."""
        return self.run("ps -eo args --no-headers").splitlines()

    def is_up(self) -> bool:
        """Whether it has power."""
        return Path(f"/proc/{self.init}/ns").exists()

    def cut_off(self) -> None:
        """Unplug the network, then the power: nobody is told, and nothing on the host lives."""
        self.run("ip link set eth0 down")
        os.kill(self.init, signal.SIGKILL)


def _environment() -> dict[str, str]:
    return {"HOME": f"/home/{USER}", "USER": USER, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


@contextlib.contextmanager
def made_hosts(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Hosts on one network, by name; each lets all others in by ssh. All of them are gone at the end.

    Their homes and `shared`, which is /mnt/studies on each, lie in `folder`.
    """
    key = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (folder / "shared").mkdir()
    with contextlib.ExitStack() as closing:
        hosts = {name: _booted(folder, name, number, closing) for number, name in enumerate(names, start=1)}
        _join(list(hosts.values()))
        yield hosts


def rebooted(folder: Path, host: Host, switch: Host, closing: contextlib.ExitStack) -> Host:
    """A host that was cut off, as it comes back: its files are there, its processes and its /tmp are not."""
    again = _booted(folder, host.name, int(host.address.rpartition(".")[2]), closing)
    _plug_in(again, switch)
    return again


def _booted(folder: Path, name: str, number: int, closing: contextlib.ExitStack) -> Host:
    home = folder / name
    ssh = home / ".ssh"
    if not home.exists():
        ssh.mkdir(parents=True)
        shutil.copy(folder / "id_ed25519", ssh / "id_ed25519")
        shutil.copy(folder / "id_ed25519.pub", ssh / "authorized_keys")
        shutil.copy(folder / "id_ed25519", ssh / "host_key")
        (ssh / "sshd_config").write_text(_SSHD)
    # Whatever becomes of the test, its end is the host's.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child=KILL", "--fork", "--mount-proc"]
    process = subprocess.Popen(
        [*command, "--net", "--pid", "--mount", "--uts", "bash", "-c", _BOOT],
        env={
            **_environment(),
            "NAME": name,
            "HOST_USER": USER,
            "HOME_FOLDER": str(home),
            "SHARED_FOLDER": str(folder / "shared"),
            "CHECKOUT": str(ROOT),
            "ENVIRONMENT": sys.prefix,
            "SSHD": shutil.which("sshd") or "",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    closing.callback(process.wait)
    closing.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", f"{name} does not start"
    (init,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return Host(name=name, address=f"{NETWORK}.{number}", home=home, init=int(init))


def _join(hosts: Sequence[Host]) -> None:
    """Cable every host to a bridge, which the first one has."""
    switch = hosts[0]
    switch.run(
        "ip link add bridge type bridge && ip link set bridge up && ip link set lo up"
        f" && ip addr add {switch.address}/24 dev bridge"
    )
    for host in hosts[1:]:
        _plug_in(host, switch)


def _plug_in(host: Host, switch: Host) -> None:
    port = f"to-{host.name}"
    # Processes have other numbers on a host; only its network is entered here.
    enter = ["nsenter", "--target", str(switch.init), "--net", "ip", "link"]
    peer = ["peer", "name", "eth0", "netns", str(host.init)]
    subprocess.run([*enter, "add", port, "type", "veth", *peer], check=True)
    subprocess.run([*enter, "set", port, "master", "bridge", "up"], check=True)
    # Ray asks which address the way out has.
    host.run(
        f"ip link set lo up && ip addr add {host.address}/24 dev eth0 && ip link set eth0 up"
        f" && ip route add default via {switch.address}"
    )
