"""The statements of the cards and `croissant.json` about a balanced data set: each fact is worded once, here.

Facts that are neither in the records nor given by a person are stated as not known.
"""

from collections.abc import Iterator, Mapping

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.export.about import NOT_KNOWN
from gan_study.trainables.export.balanced_folder import ClassDescription, Description
from gan_study.trainables.export.findings import OVERRULED_BY, ClassFindings, Fault, say_memorised
from gan_study.trainables.export.tables import read_as


def generator_kind(data: Description) -> str:
    """What the generator is: "GAN", "flow" or "autoencoder"."""
    kind = BALANCERS[data.config.balancing.name].generator_kind
    assert kind is not None, "only images of a generator are exported"
    return kind


def limitations(data: Description) -> tuple[str, ...]:
    """Limits of the images."""
    made = "; ".join(f"{each.num_real} real images of {each.name!r}" for each in data.filled)
    kind = generator_kind(data)
    return (
        f"Synthetic images show only what the {kind} learned from {made}, nothing beyond. Their labels are "
        f"those for which they were generated; nobody has checked them.",
        "Use them for training only: never test or validate on them.",
        "Whether they help depends on the data and the classifier; one seed, as here, is not evidence. A study "
        "compares them with simpler methods over several seeds.",
        f"The {kind} does not make private information in the real images anonymous.",
        *(
            f"Class {each.name!r} lacks {each.num_missing} synthetic images."
            for each in data.filled
            if each.num_missing
        ),
        *fault_sentences(data),
    )


def biases(data: Description) -> tuple[str, ...]:
    """Biases of the images."""
    counts = ", ".join(f"{each.num_real} of {each.name!r}" for each in data.classes)
    return (
        f"The classes have different numbers of real images: {counts}.",
        "Synthetic images make the classes equally frequent, unlike in reality: a classifier trained on "
        "them overestimates the probabilities of rare classes unless they are corrected.",
        *(
            f"Of the {each.num_real} real images of {each.name!r} {share:.0%} have no synthetic one near them; "
            f"{expected:.0%} are expected for as many real images."
            for each in data.filled
            if (share := _score(each, "underrepresented")) is not None
            and (expected := _score(each, "underrepresented_floor")) is not None
        ),
        f"Who or what is missing among the real images: {data.about.missing or NOT_KNOWN}.",
    )


def sensitive_information(data: Description) -> tuple[str, ...]:
    """Personal information in the images."""
    return (
        f"Personal or sensitive information in the real images: {data.about.sensitive_information or NOT_KNOWN}.",
        f"Consent of the people shown, or of the owners: {data.about.consent or NOT_KNOWN}.",
        *(f"Memorisation, {sentence}" for sentence in memorisation_sentences(data)),
    )


def use_cases(data: Description) -> tuple[str, ...]:
    """Intended uses of the images."""
    return (
        "Training an image classifier that finds the rare classes: "
        f"{', '.join(repr(each.name) for each in data.filled)}.",
        "Not for testing or validation, and not as evidence for anything that the synthetic images show.",
    )


def social_impact(data: Description) -> str:
    """Effects of the images on people."""
    return (
        "A classifier that finds rare classes better helps those whom it misses now. A classifier "
        "does not improve through synthetic images that only look right, and may still miss those who "
        "are not represented by the few real images of a class. Effects beyond that: {NOT_KNOWN}."
    )


def reader_sentences(data: Description) -> Iterator[str]:
    """Labels that a reader changes if the tables are read without saying that they are text."""
    names = [each.name for each in data.classes]
    untold, told = (
        ", ".join(
            f"{name!r} as {value!r}" for name, value in read_as(names, as_text=as_text).items() if name != value
        )
        for as_text in (False, True)
    )
    if untold:
        yield (
            f"Without these two arguments pandas reads {untold}, and so does load_dataset. The names of folders "
            "say which class is meant."
        )
    if told:
        yield (
            f"With them it reads {told}: an apostrophe stops spreadsheets from reading a name as a "
            f"formula. classes.csv has the folder of each class."
        )


def memorisation_sentences(data: Description) -> Iterator[str]:
    """The results of the memorisation tests for each filled class."""
    for each in data.filled:
        if each.findings is not None:
            yield f"{_WORDS[each.findings.verdict]}: {say_memorised(each.name, each.findings)}."


def power_sentences(data: Description) -> Iterator[str]:
    """What the tests could have detected."""
    for each in data.filled:
        found = each.findings
        if found is None:
            continue
        if found.least_copies is None:
            yield (
                f"{each.name}: {found.num_training} training and {found.num_held_out} held-out images "
                f"are too few to distinguish copies from chance."
            )
        else:
            yield f"{each.name}: {found.least_copies} or more copies would have stopped the export."


def fault_sentences(data: Description) -> Iterator[str]:
    """Problems that were overruled, by class."""
    for each in data.filled:
        for fault in each.findings.faults if each.findings else ():
            yield (
                f"Class {each.name!r}: {_FAULTS[fault]}. This stops an export unless "
                f"{OVERRULED_BY[fault]} overrules it, as here."
            )


def answers(data: Description) -> dict[str, str]:
    """Questions of a data steward, and the answers."""
    made = sum(each.num_synthetic for each in data.classes)
    real = sum(each.num_real + each.num_validation for each in data.classes)
    steps = "an unknown number of" if data.generator_steps is None else f"{data.generator_steps:,}"
    return {
        "What is real?": f"The {real} files named real-*, which are images of {real_set(data)}.",
        "What is made?": f"The {made} files named synthetic-*. Each has a mark in XMP: its IPTC "
        f"DigitalSourceType is trainedAlgorithmicMedia."
        if made
        else "No synthetic image is in this folder.",
        "By what?": f"The {generator_kind(data)} {data.config.balancing.name}, trained for {steps} generator "
        f"steps with seed {data.config.seed}. SHA-256 of its weights: {data.generator_sha256 or NOT_KNOWN}.",
        "From whom?": f"Source of the real images: {data.about.source or NOT_KNOWN}. Collected by: "
        f"{data.about.creator or NOT_KNOWN}. Digest of their files: {data.data or NOT_KNOWN}.",
        "May I use it?": f"{licence(data)} Consent: {data.about.consent or NOT_KNOWN}.",
        "Who is missing?": f"{_sentence(data.about.missing or NOT_KNOWN)} Fewest real images: {_rarest(data)}.",
        "Does it show its class?": " ".join(_looks(data)) or _sentence(NOT_KNOWN),
        "Is anything memorised?": " ".join(map(_sentence, memorisation_sentences(data))) or _sentence(NOT_KNOWN),
    }


def licence(data: Description) -> str:
    """Whether the images may be used."""
    if data.about.license is None:
        return (
            "Licence: not known. Ask the owner of the real images before you share these images or the generator."
        )
    return f"Licence of the real images: {data.about.license}; it may also apply to the images made from them."


def scorecard(data: Description) -> dict[str, str]:
    """The seven C of the FDA's scorecard for synthetic medical data (Zamzmi et al. 2024, arXiv 2406.11143)."""
    fields = {"licence": data.about.license, "source": data.about.source, "consent": data.about.consent}
    unknown = ", ".join(name for name, value in fields.items() if value is None)
    stated = f"Not known: {unknown}." if unknown else "Licence, source and consent are stated."
    missing = sum(each.num_missing for each in data.classes)
    return {
        "Congruence": f"Synthetic images outside the distribution of the real ones (in brackets: "
        f"held-out real ones): {_scores(data, 'unrealistic')}. FID and KID are in the generator's card.",
        "Coverage": f"Real images without a synthetic one near them (in brackets: the expected value "
        f"for as many real images): {_scores(data, 'underrepresented')}. Different images: {_distinct(data)}.",
        "Constraint": f"Channels and values are those of the real images as the study reads them. "
        f"Synthetic files have the image size of the study, whatever the size of the real files: sizes "
        f"can distinguish them. Whether synthetic images satisfy the constraints of the subject "
        f"(anatomy, physics): {NOT_KNOWN}.",
        "Completeness": f"Missing synthetic images: {missing}. Each image has class, split, origin "
        f"and SHA-256. Findings, age, sex, device and site of the synthetic ones: {NOT_KNOWN}.",
        "Compliance": f"{stated} Synthetic images have a machine-readable mark (EU AI Act, Art. 50(2)). "
        f"Memorisation was tested, see above; nothing here is anonymous by construction.",
        "Comprehension": "balanced.json has the configuration, manifest.csv the origin of each image, "
        "generator/ the generator and its card. It cannot be explained why the generator makes a "
        "particular image.",
        "Consistency": "The figures can be reproduced to the last digit with the same versions. Over "
        "other seeds: see "
        f"the study's verdict, if one is named above. Over patients, sites or devices: {NOT_KNOWN}.",
    }


def _scores(data: Description, name: str) -> str:
    found = [
        f"{each.name} {_percent(_score(each, name))} ({_percent(_score(each, f'{name}_floor'))})"
        for each in data.filled
    ]
    return ", ".join(found) or NOT_KNOWN


def _distinct(data: Description) -> str:
    found = [
        f"{each.name} {each.num_distinct} of {each.num_synthetic} synthetic, {each.findings.num_distinct_real} of "
        f"{each.findings.num_training} real"
        for each in data.filled
        if each.findings is not None
    ]
    return ", ".join(found) or NOT_KNOWN


def _rarest(data: Description) -> str:
    fewest = min(each.num_real for each in data.classes)
    names = [repr(each.name) for each in data.classes if each.num_real == fewest]
    return f"{fewest} of class{'es' * (len(names) > 1)} {', '.join(names)}"


def title(data: Description) -> str:
    """What the balanced data set is called."""
    known = "Images" if data.config.data.name == "imagefolder" else data.config.data.name
    return data.about.name or f"{known}, balanced with synthetic images ({generator_kind(data)})"


def real_set(data: Description) -> str:
    """The origin of the real images, by the name that a person gave, or else by how they were read."""
    named = data.about.name or {"imagefolder": "a folder or table of images"}.get(data.config.data.name)
    return named or f"the data set {data.config.data.name!r}"


def _looks(data: Description) -> Iterator[str]:
    """How many synthetic images of each class lie among no real ones, beside held-out real ones."""
    for each in data.filled:
        share = _score(each, "unrealistic")
        if share is not None:
            yield (
                f"{share:.0%} of the synthetic images of {each.name!r} are outside the distribution of its real "
                f"ones (of held-out real ones {_percent(_score(each, 'unrealistic_floor'))})."
            )


def _percent(share: float | None) -> str:
    return NOT_KNOWN if share is None else f"{share:.0%}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


_WORDS = {
    "memorised": "found",
    "nothing found": "nothing found",
    "too few images": "not known: too few images to tell",
}
_FAULTS: Mapping[Fault, str] = {
    "memorised": "the generator has memorised its training images; its copies were removed",
    "collapsed": "the generator has collapsed to a few images",
    "missing": "synthetic images are missing: all images drawn for them were rejected",
}


def _score(found: ClassDescription, name: str) -> float | None:
    findings: ClassFindings | None = found.findings
    return findings.scores.get(name) if findings else None
