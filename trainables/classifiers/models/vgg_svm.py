"""The convolutional network of the thesis, its last layer replaced by a support vector machine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from gan_study.trainables.base.layers import FlattenMaps
from gan_study.trainables.base.seeding import derive_seed, numpy_generator
from gan_study.trainables.classifiers.classifier import ClassifierModel, Head
from gan_study.trainables.data.images import ImageShape

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# Section 4.4.1: two convolutions of 64 channels, two of 128, three of 256, and two dense layers of 1024.
BLOCKS = ((64, 64), (128, 128), (256, 256, 256))
DENSE_SIZE = 1024
# Dropout follows each pooling and each dense layer there; its rates are not stated, these are the usual ones.
DROPOUT_OF_MAPS, DROPOUT_OF_FEATURES = 0.25, 0.5
# Section 4.4: "1000 instances from each class", and proportionately fewer of those that were cut.
SVM_LARGEST_CLASS = 1000
# By cross-validation of a tenth of these, as factors of scikit-learn's C = 1 and gamma = 1 / D, which come first.
CV_LARGEST_CLASS, CV_FOLDS = 100, 3
CANDIDATES = {"svc__C": (1, 10, 100), "svc__gamma": (1, 0.1, 10)}
# So that a class that the machine has never met is never predicted.
NEVER = -1e9


def body(shape: ImageShape) -> tuple[nn.Module, int]:
    """Three blocks of 3x3 convolutions with max pooling by 2 and dropout, two dense layers, all with ReLU.

    Weights are initialised as in Keras, which the document used (Glorot & Bengio 2010, uniform; biases 0): with
    PyTorch's initialisation, nine layers without normalisation learn much more slowly.
    """
    layers: list[nn.Module] = []
    inputs = shape.channels
    for block in BLOCKS:
        for outputs in block:
            layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU()]
            inputs = outputs
        layers += [nn.MaxPool2d(2), nn.Dropout(DROPOUT_OF_MAPS)]
    num_values = inputs * (shape.size // 2 ** len(BLOCKS)) ** 2
    layers += [FlattenMaps(), *_dense(num_values), *_dense(DENSE_SIZE)]
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return network, DENSE_SIZE


def svm_head(features: Tensor, labels: Tensor, weights: Tensor, num_classes: int, seed: int) -> Head:
    """A support vector machine with an RBF kernel on standardised features [N, D], as a head.

    It is fitted to a sample: 1000 images of the largest class and the same share of the others. Its decision
    function, one against the rest, is used as logits, so that the largest is its own prediction. The document
    trains it "through cross-validation" (section 4.4) and states neither folds nor values: C and gamma are those
    of CANDIDATES with the best balanced accuracy over three folds of a tenth of that sample. A balancer's loss
    (focal, LDAM, balanced softmax) affects the predictions only through the features.
    """
    # Late: it takes a second.
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    known, weight = labels.cpu().numpy(), weights.cpu().numpy()
    # scikit-learn drops images of weight 0 without telling its own list of classes.
    counted = np.flatnonzero(weight)
    rows = counted[sampled_rows(known[counted], most=SVM_LARGEST_CLASS, seed=seed)]
    machine = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovr", break_ties=True))
    machine.set_params(
        **cross_validated(machine, features.cpu().numpy()[rows], known[rows], weight[rows], seed=seed)
    )
    machine.fit(features.cpu().numpy()[rows], known[rows], svc__sample_weight=weight[rows])

    def logits(queries: Tensor) -> Tensor:
        decisions = machine.decision_function(queries.cpu().numpy())
        if decisions.ndim == 1:
            # With two classes scikit-learn returns decision values for the second one only.
            decisions = np.stack([-decisions, decisions], axis=1)
        scores = np.full((len(queries), num_classes), NEVER, dtype=np.float32)
        scores[:, machine.classes_] = decisions
        return torch.as_tensor(scores, device=queries.device)

    return logits


def cross_validated(
    machine: "Pipeline", features: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, seed: int
) -> Mapping[str, float]:
    """The constants of CANDIDATES by which a machine reaches the best balanced accuracy, the first of the best.

    With features [N, D], labels [N] and weights [N]. Copies of an image are in one fold, as otherwise constants
    win that learn them by heart. Each class needs an image in each fold: where one has fewer than three different
    ones, the defaults are taken, C = 1 and gamma = 1 / D.
    """
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

    rows = sampled_rows(labels, most=CV_LARGEST_CLASS, least=CV_FOLDS, seed=seed)
    default = {"svc__C": 1.0, "svc__gamma": 1 / features.shape[1]}
    different = np.unique(features[rows], axis=0, return_inverse=True)[1]
    if min(len(np.unique(different[labels[rows] == label])) for label in np.unique(labels[rows])) < CV_FOLDS:
        return default
    grid = {name: [factor * default[name] for factor in factors] for name, factors in CANDIDATES.items()}
    search = GridSearchCV(
        machine,
        grid,
        scoring="balanced_accuracy",
        cv=StratifiedGroupKFold(CV_FOLDS, shuffle=True, random_state=derive_seed(seed, "svm folds") % 2**32),
        refit=False,
    )
    search.fit(features[rows], labels[rows], groups=different, svc__sample_weight=weights[rows])
    found: Mapping[str, float] = search.best_params_
    return found


def sampled_rows(labels: np.ndarray, *, most: int, least: int = 1, seed: int) -> np.ndarray:
    """Rows of at most `most` images of the largest class, and the same share, `least` or more, of each other."""
    random = numpy_generator(seed, "svm sample")
    share = min(1.0, most / np.bincount(labels).max())
    rows = [random.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return np.sort(np.concatenate([own[: max(least, round(share * len(own)))] for own in rows]))


def _dense(inputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, DENSE_SIZE), nn.ReLU(), nn.Dropout(DROPOUT_OF_FEATURES)


VGG_SVM = ClassifierModel(
    name="vgg_svm",
    summary="seven convolutions and two dense layers, then an SVM with an RBF kernel on the 1024 features",
    body=body,
    final_head=svm_head,
)
