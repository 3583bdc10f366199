"""What was searched, or why nothing was."""

from collections.abc import Sequence

from gan_study.analysis.records.select import comparable, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import listing


def is_point(record: Trial) -> bool:
    """Whether a search trial ran a point of the search; otherwise it ran a default, or belongs to another
    stage.
    """
    return record.phase == "search" and (record.search is None or record.search.stage in (None, "search"))


def num_points(records: Sequence[Trial]) -> int:
    """How many points were searched, not counting the defaults."""
    return sum(map(is_point, records))


def unsearched_reasons(records: Sequence[Trial]) -> dict[str, list[str]]:
    """Why methods were confirmed with their defaults without their own search: names by reason."""
    found: dict[str, set[str]] = {}
    for record in confirmed(records):
        if record.selection is not None and record.selection.unsearched is not None:
            found.setdefault(record.selection.unsearched, set()).add(record.balancer)
    return {reason: sorted(names) for reason, names in found.items()}


def nothing_searched(records: Sequence[Trial]) -> str:
    """A sentence that nothing was searched, and why; empty if points were."""
    if num_points(records):
        return ""
    reasons = [
        f"{reason} ({listing(names)})" if len(unsearched_reasons(records)) > 1 else reason
        for reason, names in unsearched_reasons(records).items()
    ]
    why = f" ({'; '.join(reasons)})" if reasons else ""
    ran = " The defaults were compared with one another." if comparable(records) else ""
    return f"Nothing was searched{why}: every method used the settings given to it.{ran}"
