"""The benchmark for GPUs, as far as it runs without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import Measured, covered, table

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_needs_nothing_that_a_study_needs_beside_torch() -> None:
    names = ["ray", "optuna", "pandas", "wandb", "sklearn", "imblearn", "matplotlib", "typer", "rich"]
    loaded = run("-c", f"import sys, benchmarks.gpu; print([name for name in {names} if name in sys.modules])")
    assert loaded.strip() == "[]"


def test_every_way_runs_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    printed = run(
        *("-m", "benchmarks.gpu", "--device", "cpu", "--tiny"),
        *("--variants", "upsampling_dcgan", "mlp_wgan_gp", "--out", str(out)),
    )
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["device"] == "CPU"
    ways = ["plain", "unfused", "eager", "stacked 1", "stacked 2", "processes 2"]
    for variant in ("upsampling_dcgan", "mlp_wgan_gp"):
        measured = [each for each in written["measured"] if each["variant"] == variant]
        assert [each["way"] for each in measured] == ways
        assert [each["num_gans"] for each in measured] == [1, 1, 1, 1, 2, 2]
        assert all(rate > 0 for each in measured for rate in each["images_per_second"])
        assert f"| {variant} | plain |" in printed


def test_time_that_two_operations_share_counts_once() -> None:
    assert covered([(0.0, 2.0), (1.0, 3.0), (1.5, 2.5), (5.0, 6.0)]) == pytest.approx(4.0)
    assert covered([]) == 0.0


def test_the_table_compares_medians_with_the_plain_loop() -> None:
    def measured(way: str, rates: tuple[float, ...], busy: float | None) -> Measured:
        return Measured(variant="gan", way=way, num_gans=1, images_per_second=rates, busy_share=busy)

    *_, plain, graph = table(
        [measured("plain", (90.0, 100.0, 130.0), 0.125), measured("graph", (1200.0, 1100.0, 1500.0), None)]
    ).splitlines()
    assert plain == "| gan | plain | 100 [90, 130] | 1.00 | 12% |"
    assert graph == "| gan | graph | 1,200 [1,100, 1,500] | 12.00 | not known |"
