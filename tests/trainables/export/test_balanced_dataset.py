"""Torch data sets that are followed by what a sampler makes."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from gan_study.trainables.export.balanced_dataset import BalancedDataset
from gan_study.trainables.export.over_sampler import ImageOverSampler
from tests.trainables.export.samplers import images_and_classes, sampler_of


def test_a_data_set_is_followed_by_what_is_made():
    X, y = images_and_classes(np.float32)
    labels = np.unique(y, return_inverse=True)[1]
    real = TensorDataset(torch.as_tensor(X), torch.as_tensor(labels))
    data = BalancedDataset(real, sampler_of("smote"))
    made = sampler_of("smote").fit_resample(X, labels)
    assert len(data) == 30
    for i in range(30):
        image, label = data[i]
        assert torch.equal(image, torch.as_tensor(made[0][i]))
        assert int(label) == made[1][i]
    assert torch.equal(data[-1][0], data[29][0])
    with pytest.raises(IndexError):
        data[30]
    with pytest.raises(TypeError, match="'slice' object cannot be interpreted as an integer"):
        data[:2]
    images, found = next(iter(DataLoader(data, batch_size=30)))
    assert images.shape == (30, 1, 8, 8)
    assert found.bincount().tolist() == [10, 10, 10]


def test_labels_of_a_data_set_are_cut_off_nowhere():
    images = torch.rand(6, 1, 8, 8)
    for labels in ([0.0, 0, 0, 0, 1, 1], [False, False, False, False, True, True]):
        assert BalancedDataset(TensorDataset(images, torch.tensor(labels)), sampler_of("duplicates"))[-1][1] == 1
    with pytest.raises(ValueError, match=r"label .*0\.7.* is not a whole number"):
        BalancedDataset(TensorDataset(images, torch.tensor([0.7, 0, 0, 0, 1, 1])), sampler_of("duplicates"))


def test_images_that_take_part_in_gradients_are_balanced_too():
    images, labels = torch.rand(6, 1, 8, 8, requires_grad=True), torch.tensor([0, 0, 0, 0, 1, 1])
    assert len(BalancedDataset(TensorDataset(images, labels), sampler_of("duplicates"))) == 8


def test_real_items_of_a_data_set_are_read_anew():
    class Numbered(TensorDataset):
        reads = 0

        def __getitem__(self, index):
            self.reads += 1
            return super().__getitem__(index)

    real = Numbered(torch.rand(6, 1, 8, 8), torch.tensor([0, 0, 0, 0, 1, 1]))
    data = BalancedDataset(real, sampler_of("duplicates"))
    assert real.reads == 6
    data[0], data[7]
    assert real.reads == 7


def test_a_made_image_that_is_changed_in_place_is_there_again():
    X, y = images_and_classes(np.float32)
    # Real images as arrays: a batch of both is one of tensors.
    real = [(image, int(name == "cat")) for image, name in zip(X, y, strict=True)]
    balanced = BalancedDataset(real, sampler_of("duplicates"))
    before = balanced[-1][0].clone()
    balanced[-1][0].zero_()
    assert torch.equal(balanced[-1][0], before) and before.any()
    assert next(iter(DataLoader(balanced, len(balanced), shuffle=True)))[0].shape == (len(balanced), 1, 8, 8)


def test_pillow_images_are_named_with_what_makes_tensors_of_them():
    real = [(Image.new("L", (8, 8), i), i % 3 == 0) for i in range(9)]
    with pytest.raises(ValueError, match=r"real: its items are Pillow images; .*ToTensor"):
        BalancedDataset(real, sampler_of("duplicates"))


def test_what_is_left_out_of_the_items_of_a_data_set_is_said():
    items = [(torch.rand(1, 8, 8), number >= 8, f"patient {number}") for number in range(12)]
    with pytest.warns(UserWarning, match="real: items have 3 values; image and label are used, and the others"):
        balanced = BalancedDataset(items, ImageOverSampler("duplicates", random_state=0))
    assert [len(balanced[place]) for place in (0, -1)] == [2, 2]
