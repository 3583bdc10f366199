"""From a trial's configuration to the balanced folder: trains its GAN, fills the rare classes, writes all down."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gan_study.trainables.balancing.balancer import deficits
from gan_study.trainables.balancing.gan import GanBalancing, TrainedGans, generated, samples_seed
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.catalog import data_set, image_source
from gan_study.trainables.data.difficulty import Difficulty
from gan_study.trainables.data.images import LabeledImages, to_float, training_set
from gan_study.trainables.data.published import data_folders
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.export.balanced_folder import (
    CARD,
    DESCRIPTION,
    GENERATOR,
    TRAIN,
    VALIDATION,
    ClassDescription,
    Description,
    ManifestRow,
    read_description,
    validation_scores,
    write_description,
    write_manifest,
)
from gan_study.trainables.export.cards import data_card, model_card
from gan_study.trainables.export.filling import Filling, filling
from gan_study.trainables.export.layout import folder_name, write_png
from gan_study.trainables.export.saved_generator import saved, write_generator
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.image_quality.judge import RealImages, Yardstick, image_quality, yardstick
from gan_study.trainables.record import ImageQuality
from gan_study.trainables.runtime.cache import FolderStore
from gan_study.trainables.runtime.matrix_products import Library, library
from gan_study.trainables.runtime.process import use_threads
from gan_study.trainables.runtime.storage import write_atomically
from gan_study.trainables.trial.config import TrialConfig, dump_trial
from gan_study.trainables.trial.data import TrialParts, held_out, prepare
from gan_study.trainables.trial.run import environment

# What goes on where it was when it is cut off; gone once the folder is complete.
_WORK = Path(".work")
_REQUEST = _WORK / "request.json"
# A GAN's state takes milliseconds to keep, and as much training as this is lost at most.
_KEPT_EVERY_SECONDS = 10.0

# Of a stage, and how much of it is done out of how much.
ShowProgress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What is to be exported: the trial whose balanced set it is, its scores where a study has run it.

    With `all_images` the validation part is trained on as well, so that there is nothing to judge a classifier by.
    With `links` real images are symbolic links to the files that they are read from, and copies otherwise. On a
    CPU the last digits of all numbers depend on the `threads`. `states` is a folder with states of the trial's
    GANs, where such are left: what is trained in just that way goes on from them. `library` is the one that the
    trial left its matrix products to. `findings` are sentences of the study about this GAN, for the data card.
    """

    config: TrialConfig
    study_validation: Mapping[str, float | None] | None = None
    states: Path | None = None
    library: Library | None = None
    all_images: bool = False
    links: bool = False
    threads: int = 1
    findings: tuple[str, ...] = ()


def export(
    request: ExportRequest, folder: Path, *, progress: ShowProgress = lambda stage, done, total: None
) -> Description:
    """Write the balanced folder that `request` asks for, and describe it; goes on with one that was cut off.

    On a GPU where there is one; on a CPU this process has the request's threads from now on.
    The real images are those that the trial may train on, and its validation part apart from them; the test part
    is not read. Raises UserError where `folder` holds anything else, where it lies in the folder of the real
    images or around it, and where the data cannot do.
    """
    config = request.config
    balancer = config.balancing.balancer
    if not isinstance(balancer, GanBalancing):
        raise ConfigError(f"balancing.name: {config.balancing.name!r} is no GAN; only a GAN's images are exported")
    refuse_source(config, folder)
    finished = found(request, folder)
    if finished is not None:
        return finished
    use_threads(request.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    under_way = _Export(request, balancer, folder, device, progress)
    # Only now, when the data have turned out to do.
    write_atomically(folder / _REQUEST, _asked(request))
    description = under_way.run()
    shutil.rmtree(folder / _WORK)
    return description


def refuse_source(config: TrialConfig, folder: Path) -> None:
    """Raises UserError where `folder` lies within a folder that real images are read from, or this within it."""
    target = folder.resolve()
    for source in (each.resolve() for each in _source_folders(config)):
        if source.is_relative_to(target) or target.is_relative_to(source):
            raise UserError(f"--out {folder}: choose a folder apart from that of the real images, {source}")


def _source_folders(config: TrialConfig) -> tuple[Path, ...]:
    """Where real images may lie: the folder that is named, else those where the data set is looked for."""
    looked_for = config.data.root is not None or data_set(config.data).is_looked_for
    return data_folders(config.data.root) if looked_for else ()


def found(request: ExportRequest, folder: Path) -> Description | None:
    """The description of what `request` asks for, where `folder` holds it complete already.

    Raises UserError where it holds what something else has written.
    """
    if (folder / DESCRIPTION).exists():
        description = read_description(folder)
        made_by = (description.trial, description.all_images)
        if made_by != (dump_trial(_without_place(request.config)), request.all_images):
            raise UserError(f"{folder} holds another balanced data set; choose another --out")
        return description
    if (folder / _REQUEST).exists():
        if (folder / _REQUEST).read_bytes() != _asked(request):
            raise UserError(f"{folder} holds the beginning of another balanced data set; choose another --out")
    elif folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another --out")
    return None


def _asked(request: ExportRequest) -> bytes:
    """What is asked for, as it lies in a folder that is not complete."""
    trial = dump_trial(_without_place(request.config))
    asked = {"trial": trial, "all_images": request.all_images, "links": request.links}
    return json.dumps(asked, sort_keys=True).encode()


def _without_place(config: TrialConfig) -> TrialConfig:
    """The configuration without the place of its files, which changes no number and is nobody's business."""
    return replace(config, data=replace(config.data, root=None))


def without_validation(parts: TrialParts) -> TrialParts:
    """`parts` with all that the imbalance left to train on, and nothing to validate with."""
    rows = np.setdiff1d(np.arange(len(parts.pool)), parts.held_back)
    return replace(
        parts, training=parts.pool.subset(rows), validation=parts.pool.subset(rows[:0]), validating=rows[:0]
    )


class _Export:
    """One export under way."""

    def __init__(
        self,
        request: ExportRequest,
        balancer: GanBalancing,
        folder: Path,
        device: torch.device,
        progress: ShowProgress,
    ) -> None:
        self.request, self.config, self.balancer = request, request.config, balancer
        self.folder, self.device, self.progress = folder, device, progress
        self.source: ImageSource = image_source(self.config.data)
        parts = prepare(self.config, self.source)
        self.parts = without_validation(parts) if request.all_images else parts
        self.names = self.parts.classes.names
        self.training = training_set(self.parts.training, self.parts.classes, device)
        self.missing = deficits(self.training, balance_to=balancer.balance_to)
        if not self.missing:
            raise UserError(f"no rare class lacks images; the classes have {self._counts_in_words()}")
        self.seed = derive_seed(self.config.seed, "balancing")

    def run(self) -> Description:
        """Everything, the description last."""
        gans = self._trained()
        self.progress("learning features", 0, 1)
        features = self._measure.features
        self.progress("learning features", 1, 1)
        fillings = {label: self._filling(label, gans.generators[label], features) for label in self.missing}
        write_manifest(self.folder, list(self._written(fillings)))
        description = self._description(fillings, notes=(*self.parts.notes, *gans.notes))
        if not self.request.all_images:
            self.progress("validating", 0, 1)
            scores = validation_scores(self.folder, description, device=self.device)
            description = replace(description, validation=scores.overall)
            self.progress("validating", 1, 1)
        quality = self._quality(fillings)
        description = replace(description, notes=(*description.notes, *_recognised_notes(quality)))
        generator = saved(gans, self.balancer, self.training.shape, self.parts.classes)
        card = model_card(description, generator.config, quality)
        write_generator(self.folder / GENERATOR, generator, card=card)
        write_atomically(self.folder / CARD, data_card(description).encode())
        write_description(self.folder, description)
        return description

    def _trained(self) -> TrainedGans:
        """The trained GANs."""
        gan = self.balancer.gan
        # Each epoch is shown, unless some are judged and the best is picked: what is shown would be judged too.
        # Nor where states are left: a training that shows its first epoch goes on from none later than that.
        at_once = self.balancer.pick_epoch_every is not None or self.request.states is not None
        shown = () if at_once else tuple(range(1, gan.epochs))
        balancer = replace(self.balancer, gan=replace(gan, milestones=shown))
        checkpoints = Checkpoints(folder=self._work / "gans", every_seconds=_KEPT_EVERY_SECONDS)
        if self.request.states is not None:
            shutil.copytree(self.request.states, checkpoints.folder, dirs_exist_ok=True)
        stage = f"training {balancer.name}"
        self.progress(stage, 0, gan.epochs)
        for gans in balancer.trained(self.training, tuple(self.missing), seed=self.seed, checkpoints=checkpoints):
            self.progress(stage, gans.epoch, gan.epochs)
        return gans

    def _filling(self, label: int, generator: nn.Module, features: FittedClassifier) -> Filling:
        def draw(number: int, seed: int) -> Tensor:
            return generated(
                generator,
                torch.full((number,), label, device=self.device),
                latent_size=self.balancer.gan.latent_size,
                size=self.training.shape.size,
                seed=seed,
            )

        first = samples_seed(self.seed, label)
        found = filling(self.training.of_class(label), self.missing[label], draw, features, seed=first)
        self.progress("making images", sorted(self.missing).index(label) + 1, len(self.missing))
        return found

    def _written(self, fillings: Mapping[int, Filling]) -> Iterator[ManifestRow]:
        """Writes all images, and says where each comes from."""
        parts = {TRAIN: self.parts.training, VALIDATION: self.parts.validation}
        real = [(part, images, row) for part, images in parts.items() for row in range(len(images))]
        total, done = len(real) + sum(len(each.images) for each in fillings.values()), 0
        files: dict[tuple[str, int], list[str]] = {}
        for part, images, row in real:
            label = int(images.labels[row])
            of_class = files.setdefault((part, label), [])
            file = f"{part}/{folder_name(self.names[label])}/real-{len(of_class):06d}{self._suffix(images, row)}"
            self._write_real(images, row, self.folder / file)
            of_class.append(file)
            yield ManifestRow(
                file=file, class_name=self.names[label], part=part, origin="real", source=images.origins[row]
            )
            done += 1
            self.progress("writing images", done, total)
        for label, made in fillings.items():
            for number, pixels in enumerate(made.images):
                file = f"{TRAIN}/{folder_name(self.names[label])}/synthetic-{number:06d}.png"
                write_png(self.folder / file, pixels)
                yield ManifestRow(
                    file=file,
                    class_name=self.names[label],
                    part=TRAIN,
                    origin="synthetic",
                    seed=str(made.seeds[number]),
                    nearest_real=files[TRAIN, label][made.nearest[number]],
                    distance=f"{made.distances[number]:.6g}",
                )
                done += 1
                self.progress("writing images", done, total)

    def _write_real(self, images: LabeledImages, row: int, path: Path) -> None:
        original = self._original(images, row)
        if original is None:
            write_png(path, images.images[row])
        elif self.request.links:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(original.resolve())
        else:
            write_atomically(path, original.read_bytes())

    def _suffix(self, images: LabeledImages, row: int) -> str:
        original = self._original(images, row)
        return ".png" if original is None else original.suffix.lower()

    def _original(self, images: LabeledImages, row: int) -> Path | None:
        """The file of an image; None where it has none of its own, or was changed after it was read."""
        data = self.config.data
        if not data_set(data).has_a_file_each or data.difficulty != Difficulty():
            return None
        assert data.root is not None, "files lie somewhere"
        return Path(data.root).expanduser() / images.origins[row]

    def _description(self, fillings: Mapping[int, Filling], *, notes: tuple[str, ...]) -> Description:
        real, validation = self.training.class_counts(), self.parts.validation.class_counts()
        classes = [
            ClassDescription(
                name=name,
                folder=folder_name(name),
                is_minority=label in self.parts.classes.minority,
                num_real=real[label],
                num_synthetic=len(fillings[label].images) if label in fillings else 0,
                num_validation=validation[label],
                num_copies=fillings[label].num_copies if label in fillings else 0,
                num_missing=fillings[label].num_missing if label in fillings else 0,
                test_proportion=self.parts.test_proportions[label],
            )
            for label, name in enumerate(self.names)
        ]
        return Description(
            trial=dump_trial(_without_place(self.config)),
            channels=self.training.shape.channels,
            classes=tuple(sorted(classes, key=lambda each: each.folder)),
            all_images=self.request.all_images,
            study_validation=self.request.study_validation,
            threads=self.request.threads,
            library=library(),
            environment=environment(self.device),
            notes=(*self.request.findings, *notes, *_missing_notes(classes)),
        )

    def _quality(self, fillings: Mapping[int, Filling]) -> dict[str, ImageQuality]:
        """What the synthetic images are worth, by class, as a study measures it."""
        self.progress("measuring images", 0, 1)
        balanced = self.training
        for label, made in fillings.items():
            labels = torch.full((len(made.images),), label, device=self.device)
            balanced = balanced.extended(to_float(made.images, self.device), labels)
        found = image_quality(balanced, self._real, self._measure, seed=self._quality_seed)
        self.progress("measuring images", 1, 1)
        return found

    @cached_property
    def _real(self) -> RealImages:
        return RealImages(
            training=self.training,
            held_out=held_out(self.parts, self.device),
            classifier=self.config.classifier,
        )

    @cached_property
    def _measure(self) -> Yardstick:
        choice, store = self.config.evaluation.image_features, FolderStore(self._work / "measures")
        return yardstick(self._real, self.parts.pool, choice, store, seed=self._quality_seed)

    @property
    def _quality_seed(self) -> int:
        return derive_seed(self.config.seed, "quality")

    @property
    def _work(self) -> Path:
        return self.folder / _WORK

    def _counts_in_words(self) -> str:
        counts = self.training.class_counts()
        return ", ".join(f"{n} ({name})" for name, n in zip(self.names, counts, strict=True))


def _missing_notes(classes: list[ClassDescription]) -> tuple[str, ...]:
    return tuple(
        f"class {each.name!r}: {each.num_missing} images are missing; all that was drawn for them were copies"
        for each in classes
        if each.num_missing
    )


def _recognised_notes(quality: Mapping[str, ImageQuality]) -> tuple[str, ...]:
    """Of each class that was filled, how many of its synthetic images pass for it: noise is found out at once."""
    return tuple(
        f"class {name!r}: a classifier of the real images takes {_percent(found.metrics['gan_test'])} of the "
        f"synthetic ones for it; of real ones that were held out: {_percent(found.metrics['gan_test_floor'])}"
        for name, found in quality.items()
    )


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"
