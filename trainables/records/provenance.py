"""With which versions, device, CPU and code the trials of a study were run, and where they differ."""

from collections import Counter
from collections.abc import Iterable, Mapping

from gan_study.trainables.records.record import TrialRecord

# What trials of one study should have in common, since their numbers depend on it, by its key in `environment`.
COMPARED: Mapping[str, str] = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "device": "device",
    "machine": "machine",
    "cpu": "CPU",
    "vector_instructions": "vector instructions",
    "libraries": "variables of numeric libraries",
    "threads": "threads",
}
# And by what name the code is among them.
CODE = "code"


def provenance(record: TrialRecord) -> dict[str, str]:
    """The values of COMPARED for a trial, and its code; without values that the record does not have."""
    known = {name: record.environment[key] for key, name in COMPARED.items() if key in record.environment}
    return known if record.digests.code is None else {**known, CODE: record.digests.code}


def mixtures(records: Iterable[TrialRecord]) -> tuple[str, ...]:
    """A sentence without its end for each property that complete trials should share but do not."""
    found: dict[str, Counter[str]] = {}
    for record in records:
        if record.status == "complete":
            for name, value in provenance(record).items():
                found.setdefault(name, Counter())[value] += 1
    return tuple(
        f"trials differ in {name}: {', '.join(f'{value} ({n})' for value, n in values.most_common())}"
        for name, values in found.items()
        if len(values) > 1
    )


def differences_from(records: Iterable[TrialRecord], now: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence without its end for each property of `now` (see `provenance`) that no trial so far has."""
    known = [provenance(record) for record in records if record.status == "complete"]
    found = ((name, {each[name] for each in known if name in each}, value) for name, value in now.items())
    return tuple(
        f"the trials so far were run with {name} {', '.join(sorted(values))}, new ones with {value}"
        for name, values, value in found
        if values and value not in values
    )
