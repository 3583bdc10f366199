"""The driver's cost as a study grows; trials are made up: `python -m benchmarks.scale [--trials 1000 10000]`.

Studies of the given sizes run through the real planner without Ray (benchmarks/made_up.py), their records go
through the real file. Measured of each size, in processor time: planning, writing and taking in, per trial;
memory beyond what the driver has at the start; going on with the finished study from its file and its
decisions; status and check of its folder. The report is timed by the clock, since it is drawn in another
process; no trial has arrays, so its images are missing. The last column is the exponent of the growth from the
first size to the last: 0 for what costs the same for each trial however many there are, 1 for what costs a
trial in proportion to their number. `--write` puts the table into docs/benchmarks.md.
"""

import argparse
import gc
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from benchmarks.made_up import World, run_study, study_of
from benchmarks.page import put_lines
from benchmarks.search import VARIANT, draw_landscape
from benchmarks.workers import Nodes
from gan_study.analysis.page.report import write_report
from gan_study.study.plan.decisions import Decision
from gan_study.study.plan.planner import Planner
from gan_study.study.plan.rounds import Questions
from gan_study.study.plan.selection import write_selection
from gan_study.study.run.decision_store import DecisionStore
from gan_study.study.run.drive import open_view
from gan_study.study.run.folder import Manifest, create_study_folder, summarise_study
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import RecordStore
from gan_study.study.run.summary_file import write_summary
from gan_study.study.watch.check import check_study
from gan_study.study.watch.status import study_status
from gan_study.trainables.records.record import TrialRecord

_Result = TypeVar("_Result")

SIZES = (1000, 10_000)
NUM_WORKERS = 32
FEWEST_TRIALS = 60
# Best trials' gains over the default: much room, so that the search continues.
ROOMS = (0.05, 0.10)
# What a driver is to keep to, of the project's goals.
MOST_MS_A_TRIAL, MOST_KB_A_TRIAL, MOST_RESUME_SECONDS = 20, 10, 20
MOST_STATUS_SECONDS, MOST_REPORT_SECONDS, MOST_REPORT_MB = 2, 60, 10


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a study of so many trials took."""

    trials: int
    plan_ms: float
    """Planning a trial, and taking in its record."""
    write_ms: float
    """Writing a record through to the disk."""
    memory_kb: float
    """Memory of the process beyond that at its start, for each trial."""
    resume_seconds: float
    """Reading all records, comparing Optuna's storage with them, and replaying all decisions."""
    status_seconds: float
    check_seconds: float
    report_seconds: float
    """By the clock."""
    report_mb: float
    """Of the page alone."""


def cost(trials: int, folder: Path) -> Cost:
    """A study of `trials` search trials, from the beginning, in the new folder `folder`."""
    config, study = study_of([VARIANT], trials), StudyFolder(folder)
    manifest = create_study_folder(folder, config, {})
    world = World(landscapes={VARIANT: draw_landscape(config, ROOMS, 0)}, seed=0)
    gc.collect()
    before = resident_bytes()
    store, nodes = _TimedStore(study.records), Nodes(workers=NUM_WORKERS)
    found, seconds = _timed(lambda: run_study(config, world, nodes=nodes, keep=store.keep, confirms=True))
    gc.collect()
    memory, num_records = resident_bytes() - before, len(store)
    open_view(manifest, study).rebuild(store)
    _, resume_seconds = _timed(lambda: resume(manifest, study, found.decisions))
    assert found.closed is not None, "the search is over"
    write_selection(study.selection, found.closed)
    decided = DecisionStore(study.decisions)
    for decision in found.decisions:
        decided.append(decision)
    write_summary(study, summarise_study(folder))
    _, status_seconds = _timed(lambda: study_status(folder).lines())
    _, check_seconds = _timed(lambda: check_study(folder))
    began = perf_counter()
    page = write_report(folder)
    report_seconds = perf_counter() - began
    return Cost(
        trials=num_records,
        plan_ms=1e3 * (seconds - store.seconds) / num_records,
        write_ms=1e3 * store.seconds / num_records,
        memory_kb=memory / 1e3 / num_records,
        resume_seconds=resume_seconds,
        status_seconds=status_seconds,
        check_seconds=check_seconds,
        report_seconds=report_seconds,
        report_mb=page.stat().st_size / 1e6,
    )


class _TimedStore(RecordStore):
    """A file of records that knows how long writing took."""

    seconds = 0.0

    def keep(self, record: TrialRecord) -> TrialRecord:
        """Append `record`, through to the disk; returns what the driver keeps of it."""
        _, seconds = _timed(lambda: self.append(record))
        self.seconds += seconds
        kept = self.get(record.trial_id)
        assert kept is not None
        return kept


def resume(manifest: Manifest, study: StudyFolder, decisions: Sequence[Decision]) -> None:
    """Go on with a study from its files, up to its next trial or its end."""
    records = RecordStore(study.records)
    open_view(manifest, study).follow(records)

    def refuse(*_: object) -> None:
        raise AssertionError("all was decided")

    planner = Planner(
        manifest.config,
        record_of=records.get,
        decisions=tuple(decisions),
        keep_decision=refuse,
        closed=None,
        keep=lambda closed: None,
        may_search=lambda num_trials: True,
        rounds=None,
        keep_rounds=lambda rounds: None,
        questions=Questions(open_arms=frozenset, is_decided=lambda: True, has_time_for=lambda balancers: False),
    )
    planner.next()


def resident_bytes() -> int:
    """The memory of this process that lies in the machine's."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def exponent(costs: Sequence[Cost], name: str) -> float:
    """That of the growth of a cost with the number of trials, from the first of `costs` to the last."""
    first, last = costs[0], costs[-1]
    ratio = getattr(last, name) / getattr(first, name)
    return math.log(ratio) / math.log(last.trials / first.trials)


def table(costs: Sequence[Cost]) -> str:
    """A row a cost, a column a size, and how it grows."""
    names = {
        "plan_ms": f"planning and taking in, ms a trial (goal: {MOST_MS_A_TRIAL})",
        "write_ms": "writing a record, ms a trial",
        "memory_kb": f"memory, kB a trial (goal: {MOST_KB_A_TRIAL})",
        "resume_seconds": f"going on with it, s (goal: {MOST_RESUME_SECONDS})",
        "status_seconds": f"status, s (goal: {MOST_STATUS_SECONDS})",
        "check_seconds": f"check, s (goal: {MOST_REPORT_SECONDS})",
        "report_seconds": f"report, s by the clock (goal: {MOST_REPORT_SECONDS})",
        "report_mb": f"its page, MB (goal: {MOST_REPORT_MB})",
    }
    assert set(names) == {field.name for field in fields(Cost)} - {"trials"}
    lines = [
        f"| | {' | '.join(f'{each.trials:,} trials' for each in costs)} | exponent |",
        f"| --- | {' | '.join('---:' for _ in costs)} | ---: |",
    ]
    for name, what in names.items():
        values = " | ".join(f"{getattr(each, name):,.2f}" for each in costs)
        lines.append(f"| {what} | {values} | {exponent(costs, name):.2f} |")
    return "\n".join(lines)


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    # Of this process alone, so that what else the machine does counts little.
    started = process_time()
    return work(), process_time() - started


def main(arguments: Sequence[str]) -> None:
    """Runs studies of each size, and prints the table or writes it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="What a driver takes.")
    parser.add_argument("--trials", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    costs = []
    # Loads the libraries, which a driver has at its start.
    with tempfile.TemporaryDirectory() as folder:
        cost(FEWEST_TRIALS, Path(folder) / "study")
    for trials in given.trials:
        with tempfile.TemporaryDirectory() as folder:
            costs.append(cost(trials, Path(folder) / "study"))
    text = table(costs)
    print(text)
    if given.write:
        put_lines("benchmarks.md", "scale", text.splitlines())


if __name__ == "__main__":
    main(sys.argv[1:])
