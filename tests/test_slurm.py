"""The file for Slurm: read by shellcheck, and carried out with plain processes where Slurm would start steps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gan_study.study.run.record_store import read_records

ROOT = Path(__file__).parent.parent
FILE = ROOT / "examples" / "slurm.sbatch"

# A step on the other nodes is a process on this one: Slurm's own options go, and what it was asked is noted.
SRUN = """#!/bin/sh
echo "$@" >> "$HOME/srun"
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
"""

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "balancers.vanilla_gan.gan.generator_steps=1",
    "confirm={seeds: [1], until: fixed, fits: 1}",
)


def test_shellcheck_finds_nothing():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (Debian's package of the same name has it)")
    found = subprocess.run(["shellcheck", str(FILE)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.fixture
def job(tmp_path):
    """Carries the file out as a job of two nodes, whose second node is a process too."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "srun").write_text(SRUN)
    (programs / "srun").chmod(0o755)
    environment = {
        "HOME": str(tmp_path),
        # `ray` and `gan-study` are found where the environment is.
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GAN_STUDY_VENV": sys.prefix,
        "OMP_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURMD_NODENAME": "node-1",
    }

    def carry_out(*arguments):
        return subprocess.run(
            ["bash", str(FILE), *arguments], env=environment, capture_output=True, text=True, timeout=240
        )

    return carry_out


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_job_of_two_nodes_runs_a_study_and_leaves_nothing_running(job, tmp_path):
    out = tmp_path / "study"
    changes = [part for setting in SETTINGS for part in ("--set", setting)]
    done = job("run", "quickstart", "--out", str(out), *changes)
    assert done.returncode == 0, done.stdout + done.stderr
    records = read_records(out / "records.jsonl")
    assert records and not any(record.failure for record in records)
    asked = (tmp_path / "srun").read_text()
    assert asked.startswith("--nodes=1 --ntasks=1 --exclude=node-1 ray start --address=")
    folder = Path(f"/tmp/ray-{os.getpid()}")
    assert not folder.exists()
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(folder) not in processes
    # What the study says is what Slurm is told.
    refused = job("resume", str(tmp_path / "nothing"))
    assert refused.returncode == 2 and "nothing" in refused.stderr
