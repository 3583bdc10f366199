"""The description of an export, from what was made and what was found on it."""

from collections.abc import Iterator, Mapping, Sequence

from gan_study.trainables.base.names import folder_name
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.data.reading.picture import Range
from gan_study.trainables.export.balanced_folder import ClassDescription, Description
from gan_study.trainables.export.filling import Filling
from gan_study.trainables.export.findings import OVERRULED_BY, ClassFindings
from gan_study.trainables.export.request import ExportRequest
from gan_study.trainables.image_quality.class_quality import ClassQuality
from gan_study.trainables.runtime.environment import environment, library
from gan_study.trainables.trial.config import dump_trial
from gan_study.trainables.trial.data import TrialParts

_DEEP = (
    "real images of more than 8 bits are the original files; readers that convert them to bytes, as "
    "ImageFolder does, cut off their range: here levels {:g} to {:g} are black to white"
)
_WEIGHTED = (
    "the real images have weights in the loss (column weight of manifest.csv); a synthetic "
    "image counts as the average real image of its class"
)


def describe_export(
    request: ExportRequest,
    parts: TrialParts,
    training: TrainingSet,
    fillings: Mapping[int, Filling],
    findings: Mapping[str, ClassFindings],
    *,
    levels: Range | None,
    data: str,
    generator_steps: int,
    generator_sha256: str,
    notes: tuple[str, ...],
    made_on: str,
) -> Description:
    """What is in a folder, before its classifier has a score.

    `fillings` are by the label of each rare class, `findings` by its name. `levels` is the range by which images
    of more than 8 bits were read, and `data` the digest of the files of real images; `notes` are those on data,
    training and images.
    """
    classes = _describe_classes(parts, fillings, findings)
    return Description(
        trial=dump_trial(request.trial),
        generator_steps=generator_steps,
        channels=training.shape.channels,
        levels=None if levels is None else (levels.black, levels.white),
        classes=tuple(sorted(classes, key=lambda each: each.folder)),
        all_images=request.all_images,
        links=request.links,
        data=data,
        study_validation=request.study_validation,
        threads=request.threads,
        library=library(),
        environment=environment(training.images.device),
        notes=(*request.findings, *notes, *_missing_notes(classes), *_reading_notes(parts, levels)),
        generator_sha256=generator_sha256,
        overruled=tuple(
            fault for fault in OVERRULED_BY if any(fault in each.faults for each in findings.values())
        ),
        about=request.about,
        made_on=made_on,
    )


def _describe_classes(
    parts: TrialParts, fillings: Mapping[int, Filling], findings: Mapping[str, ClassFindings]
) -> list[ClassDescription]:
    """Each class, in the order of the labels."""
    real, validation = parts.training.class_counts(), parts.validation.class_counts()
    return [
        ClassDescription(
            name=name,
            folder=folder_name(name),
            is_minority=label in parts.classes.minority,
            num_real=real[label],
            num_synthetic=len(fillings[label].images) if label in fillings else 0,
            num_validation=validation[label],
            num_copies=fillings[label].num_copies if label in fillings else 0,
            num_missing=fillings[label].num_missing if label in fillings else 0,
            num_distinct=fillings[label].repeats.num_distinct if label in fillings else 0,
            findings=findings.get(name),
            test_proportion=parts.test_proportions[label],
        )
        for label, name in enumerate(parts.classes.names)
    ]


def recognition_notes(quality: Mapping[str, ClassQuality]) -> tuple[str, ...]:
    """For each filled class, how many of its synthetic images pass for it: noise is recognised as such at once."""
    return tuple(
        f"class {name!r}: a classifier of the real images recognises {_percent(found.metrics['gan_test'])} of the "
        f"synthetic ones; of held-out real ones: {_percent(found.metrics['gan_test_floor'])}"
        for name, found in quality.items()
    )


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"


def _missing_notes(classes: Sequence[ClassDescription]) -> Iterator[str]:
    """For each class how many images it still lacks."""
    return (
        f"class {each.name!r}: {each.num_missing} images are missing; all images drawn for them were rejected"
        for each in classes
        if each.num_missing
    )


def _reading_notes(parts: TrialParts, levels: Range | None) -> Iterator[str]:
    """What to know before the real images are read by other programs: their weights, and more than 8 bits."""
    if parts.pool.weights is not None:
        yield _WEIGHTED
    if levels is not None:
        yield _DEEP.format(levels.black, levels.white)
