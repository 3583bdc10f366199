"""The image's file: what can be read off it where nothing can build it."""

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.test_architecture import ROOT


def text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def instructions(stage: int) -> list[tuple[str, str]]:
    """Each instruction of a stage and what follows it, continued lines joined; -1 is the image itself."""
    lines = [line for line in text("Dockerfile").splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    parts = [(name, rest) for name, _, rest in (line.partition(" ") for line in joined)]
    starts = [place for place, (name, _) in enumerate(parts) if name == "FROM"]
    begin = starts[stage]
    end = next((start for start in starts if start > begin), len(parts))
    return parts[begin:end]


def test_nothing_runs_as_root_and_kubernetes_can_tell() -> None:
    users = [rest for name, rest in instructions(-1) if name == "USER"]
    assert users and users[-1].isdigit() and int(users[-1]) > 0
    after = [name for name, _ in instructions(-1)]
    assert set(after[after.index("USER") + 1 :]) == {"WORKDIR", "ENTRYPOINT", "CMD"}


def test_every_package_is_pinned_and_the_python_is_one_that_is_supported() -> None:
    installs = [rest for name, rest in instructions(0) if name == "RUN" and "pip install" in rest]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in rest and "--no-cache-dir" in rest for rest in installs)
    assert "'.[cluster]'" in installs[-1]
    (version,) = re.findall(r"^ARG PYTHON=(\d+\.\d+)-slim-\w+$", text("Dockerfile"), re.MULTILINE)
    (supported,) = re.findall(r'^requires-python = "(.+)"$', text("pyproject.toml"), re.MULTILINE)
    assert version in SpecifierSet(supported)


@pytest.mark.parametrize(
    "path", ["trainables/trial/run.py", "gan_study/study", "constraints.txt", "setup.py", "README.md"]
)
def test_what_is_installed_is_sent_to_the_builder(path: str) -> None:
    assert (ROOT / path).exists() and not is_left_out(path)


def test_nothing_that_git_does_not_know_is_sent() -> None:
    ignored = [line.strip("/") for line in text(".gitignore").splitlines() if line and not line.startswith("#")]
    assert [path for path in ignored if not is_left_out(f"{path}/x".replace("*", "a"))] == []
    assert is_left_out(".git/config")


def test_a_wheel_takes_no_file_that_is_left_out() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    packages = ("analysis/", "gan_study/", "search_spaces/", "study/", "trainables/")
    assert [path for path in listed if path.startswith(packages) and is_left_out(path)] == []


def test_the_kubernetes_job_says_how_its_image_is_made() -> None:
    assert "docker build --tag IMAGE ." in text("examples/rayjob.yaml")
    specification = yaml.safe_load(text("examples/rayjob.yaml"))["spec"]["rayClusterSpec"]
    pod = specification["headGroupSpec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "fsGroup": 1000}


def is_left_out(path: str) -> bool:
    """Whether `.dockerignore` names the path or a folder above it."""
    patterns = [line for line in text(".dockerignore").splitlines() if line and not line.startswith("#")]
    above = [str(each) for each in (Path(path), *Path(path).parents)]
    return any(
        fnmatch.fnmatch(each, pattern) or fnmatch.fnmatch(f"a/{each}", pattern)
        for each in above
        for pattern in patterns
    )
