"""The benchmark for GPUs, as far as it runs without one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
from packaging.requirements import Requirement

from benchmarks.gpu import TINY, Job, Measured, covered, main, table, train_from, trained_together, ways
from gan_study.trainables.gans.batched.cuda_graphs import CUDA_GRAPHS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def with_their_needs(names: Iterable[str]) -> Iterator[str]:
    """The distributions of these names and those that they require, in turn."""
    found: dict[str, None] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = None
            needs = map(Requirement, distribution(name).requires or [])
            wanted += [need.name for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
    return iter(found)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages, as if nothing were installed but what the benchmark says it needs."""
    folder = tmp_path_factory.mktemp("installed")
    for name in with_their_needs(["torch", "torchvision", "numpy", "pydantic"]):
        files = distribution(name)
        tops = {path.parts[0] for path in files.files or [] if path.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(files.locate_file(top))))
    return folder


def run(installed: Path, *arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(installed)}
    # -S: nothing else that is installed, in the processes that it starts neither.
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_needs_nothing_that_a_study_needs_beside_torch(installed: Path) -> None:
    names = ["ray", "optuna", "tenacity", "threadpoolctl", "torch"]
    there = "import sys, benchmarks.gpu, benchmarks.first_gpu; from importlib.util import find_spec"
    assert run(installed, "-c", f"{there}; print([name for name in {names} if find_spec(name)])") == "['torch']\n"


@pytest.mark.parametrize("variant", ["mlp_wgan_gp", pytest.param("upsampling_dcgan", marks=pytest.mark.soak)])
def test_every_way_runs_on_a_cpu_with_nothing_else_installed(
    installed: Path, tmp_path: Path, variant: str
) -> None:
    out = tmp_path / "gpu.json"
    printed = run(
        installed,
        *("-m", "benchmarks.gpu", "--device", "cpu", "--tiny"),
        *("--variants", variant, "--out", str(out)),
    )
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["device"] == "CPU"
    ways = ["plain", "unfused", "eager", "stacked 1", "stacked 2", "processes 2"]
    measured = written["measured"]
    assert {each["variant"] for each in measured} == {variant}
    assert [each["way"] for each in measured] == ways
    assert [each["num_gans"] for each in measured] == [1, 1, 1, 1, 2, 2]
    assert all(rate > 0 for each in measured for rate in each["images_per_second"])
    assert f"| {variant} | plain |" in printed


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_gpu_has_its_graphs_by_any_of_its_names(device: str) -> None:
    job = Job(variant="upsampling_dcgan", size=TINY, precision="float32", device=device)
    assert job.recorder is CUDA_GRAPHS
    assert list(ways(job)) == ["plain", "unfused", "eager", "graph", "stacked 1", "stacked 2"]
    assert Job(variant=job.variant, size=TINY, precision="float32", device="cpu").recorder is None


def test_a_gpu_that_is_not_the_first_is_chosen_outside(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--device", "cuda:1"])
    assert "not cuda:1; CUDA_VISIBLE_DEVICES chooses" in capsys.readouterr().err


def test_each_process_trains_once_in_each_round_and_so_has_warmed_up() -> None:
    job = Job(variant="mlp_wgan_gp", size=TINY, precision="float32", device="cpu")
    rounds = trained_together(job, 2)
    assert [len({span.process for span in spans}) for spans in rounds] == [2] * (1 + TINY.rounds)
    # One that is there before the others takes none of their trainings.
    with pytest.raises(BrokenBarrierError):
        train_from(job, Barrier(2, timeout=0.1))


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
