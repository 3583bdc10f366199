"""All private parts of torch that are used, in one place; checked with torch 2.15.0.

tests/test_internals.py names each of these, and fails with a sentence when a later torch no longer has it.
"""

# What batch norms of one, two and three dimensions have in common: torch has no public name for it.
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

__all__ = ["BatchNorm"]
