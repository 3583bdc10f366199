from itertools import islice

import torch

from gan_study.trainables.base.seeding import index_batches


def batches(num_rows, batch_size, count, seed=0):
    return list(islice(index_batches(num_rows, batch_size, torch.Generator().manual_seed(seed)), count))


def test_every_row_comes_once_before_any_comes_twice():
    rows = torch.cat(batches(10, 4, 5))
    assert sorted(rows[:10].tolist()) == list(range(10))
    assert sorted(rows[10:].tolist()) == list(range(10))


def test_batches_are_full_also_where_there_are_fewer_rows():
    (batch,) = batches(3, 7, 1)
    assert torch.bincount(batch).tolist() in ([3, 2, 2], [2, 3, 2], [2, 2, 3])


def test_the_seed_decides():
    assert all(map(torch.equal, batches(9, 4, 3), batches(9, 4, 3)))
    assert not all(map(torch.equal, batches(9, 4, 3), batches(9, 4, 3, seed=1)))
