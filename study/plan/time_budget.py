"""Spans of time as people write them."""

import re

from gan_study.trainables.base.settings import ConfigError

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_seconds(text: str) -> float:
    """Seconds in "90s", "30m", "1.5h", "2d" or "1h30m"; raises ConfigError for anything else."""
    spans = re.findall(r"(\d+(?:\.\d+)?)(min|[smhd])", text.replace(" ", ""))
    if not spans or "".join(number + unit for number, unit in spans) != text.replace(" ", ""):
        raise ConfigError(f"--time-budget {text!r}: write a time such as 90s, 30m, 2h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in spans)
