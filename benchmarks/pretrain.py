"""Trains a classifier on a published data set for a given time, and writes its body as weights for a backbone.

    python -m benchmarks.pretrain OUT.pth --minutes 60 --data /path/to/cifar10
    gan-study run imagefolder --data DIR --set classifier.name=backbone \\
        --set 'classifier.backbone={library: gan_study, model: resnet18, weights: OUT.pth}'

Prints what it reached on the test set. Settings are those of He et al. 2016, section 4.2, for CIFAR-10, but for
the number of epochs, which follows from the time.
"""

import argparse
import time
from pathlib import Path

import torch

from gan_study.trainables.classifiers.augmentation import Augmentation
from gan_study.trainables.classifiers.classifier import ClassifierConfig, FittedClassifier, Sgd, StepRate
from gan_study.trainables.classifiers.training import fit, num_steps
from gan_study.trainables.data.byte_images import hold
from gan_study.trainables.data.images import Classes, TrainingSet, training_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig, ImageSource

# A step is timed over so many, after as many others.
TIMED_STEPS = 10
# Where the rate falls to a tenth, as shares of the training: half and three quarters, as in the paper.
DROPS = ((0.5, 0.1), (0.75, 0.01))


def config_of(model: str, epochs: int) -> ClassifierConfig:
    """The paper's training of `model`, so many epochs long."""
    return ClassifierConfig(
        name=model,
        epochs=epochs,
        batch_size=128,
        learning_rate=0.1,
        optimiser=Sgd(weight_decay=1e-4),
        schedule=StepRate(factors={max(1, round(share * epochs)): factor for share, factor in DROPS}),
        augmentation=Augmentation(flip_probability=0.5, crop_padding=4),
    )


def pretrain(training: TrainingSet, model: str, *, seconds: float) -> FittedClassifier:
    """`model` after as many whole epochs on `training` as fit into about `seconds`, and at least one."""
    one = config_of(model, 1)
    fit(one, training, steps=TIMED_STEPS, seed=0)
    began = time.perf_counter()
    fit(one, training, steps=TIMED_STEPS, seed=0)
    a_step = (time.perf_counter() - began) / TIMED_STEPS
    an_epoch = num_steps(one, balanced_size=len(training), unbalanced_size=len(training))
    config = config_of(model, max(1, int(seconds / (a_step * an_epoch))))
    return fit(config, training, steps=config.epochs * an_epoch, seed=0)


def accuracy(fitted: FittedClassifier, source: ImageSource, device: torch.device) -> float:
    """The share of the test set that is classified correctly."""
    test = source.test().images
    predicted = fitted.logits(hold(test.images, device)).argmax(dim=1).cpu()
    return float((predicted == torch.as_tensor(test.labels)).float().mean())


def main() -> None:
    """Train, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--data", help="the folder of the data set; by default the usual places")
    parser.add_argument("--set", default="cifar10", help="the data set")
    parser.add_argument("--model", default="resnet18", help="a classifier that `gan-study list` names")
    parser.add_argument("--image-size", type=int, default=32)
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    source = image_source(DataConfig(name=given.set, root=given.data, image_size=given.image_size, channels=3))
    pool = source.pool().images
    training = training_set(pool, Classes(names=pool.class_names, minority=()), device)
    began = time.perf_counter()
    fitted = pretrain(training, given.model, seconds=60 * given.minutes)
    torch.save({name: value.cpu() for name, value in fitted.body.state_dict().items()}, given.out)
    reached, minutes = accuracy(fitted, source, device), (time.perf_counter() - began) / 60
    what = f"{given.model}, test accuracy {reached:.4f} on {given.set}"
    print(f"{given.out}: {what} after {minutes:.1f} min on {device}")


if __name__ == "__main__":
    main()
