import sys

import pytest

from gan_study.study.cli import main
from gan_study.study.plan import rounds, verdict_plan
from gan_study.study.run import more_seeds


@pytest.fixture
def gan_study(monkeypatch, capsys):
    """Run the command in this process: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gan-study", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        output = capsys.readouterr()
        return exit_.value.code or 0, output.out, output.err

    return run


@pytest.fixture(scope="module")
def simulation():
    """A finished study without trainings: its trials, records and decisions."""
    # Late: most tests here do without.
    from tests.study.simulation import Simulation
    from tests.study.watch.test_check import CONFIG

    simulation = Simulation()
    simulation.run(CONFIG, num_workers=1, seed=0)
    return simulation


@pytest.fixture
def planted_looks(monkeypatch):
    """Rounds of one seed up to eight, and then of two: how a study spaces its looks is told elsewhere."""

    def look_schedule(confirm):
        looks = [len(confirm.seeds)]
        while confirm.until == "decided" and looks[-1] < confirm.most_seeds:
            looks.append(min(confirm.most_seeds, looks[-1] + (1 if looks[-1] < 8 else 2)))
        return tuple(looks)

    for module in (verdict_plan, rounds, more_seeds):
        monkeypatch.setattr(module, "look_schedule", look_schedule)
