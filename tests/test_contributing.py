"""What CONTRIBUTING.md says can be typed can be typed."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_makefile_has_every_target():
    targets = {match.split()[1] for match in re.findall(r"^make \S+", PAGE.replace("`", "\n"), re.M)}
    rules = re.findall(r"^([a-z ]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert targets > {"fast", "test", "faults", "soak"}
    assert targets <= {target for rule in rules for target in rule.split()} | {".venv/.installed-dev"}


def test_the_files_that_are_tested_first_are_there():
    paths = re.findall(r"-m pytest (\S+)", PAGE)
    assert paths
    assert all(list((ROOT / path).rglob("test_*.py")) for path in paths)


def test_the_trial_for_a_debugger_runs(few_domain_steps):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    record = names["outcome"].record
    assert (record.status, record.balancer) == ("complete", "dcgan")
