"""Which trials of a study are training a GAN just now, as their logs tell."""

from pathlib import Path

from gan_study.study.watch.journal import LogLine, read_log


def in_training(logs: Path) -> dict[Path, LogLine]:
    """The logs of trials that train a GAN and have kept a state of it, with their last lines."""
    found = {}
    for path in logs.glob("*.jsonl"):
        lines = list(read_log(path))
        done = {line.values.get("stage") for line in lines if line.event == "stage done"}
        if "balancing" not in done and any(line.event == "cached a state" for line in lines):
            found[path] = lines[-1]
    return found
