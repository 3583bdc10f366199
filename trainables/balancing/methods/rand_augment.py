"""RandAugment-ed copies of minority images."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.balancing.copies import with_copies
from gan_study.trainables.base.seeding import derive_seed, seeded_global_state
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.byte_images import Images, as_bytes, as_unit
from gan_study.trainables.data.images import TrainingSet

# The byte value of the background around a digit or a garment.
_BACKGROUND = 0
# torchvision's number of magnitudes for each operation, 0 to 30.
_STRONGEST = 30
# Images that are floats at a time.
_BLOCK = 256


@settings
class RandAugment(FillsClasses):
    """Fills each minority class with copies of its images, each after `num_ops` random changes of `magnitude`.

    Cubuk et al. 2020, "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space", with
    torchvision's operations (shears, shifts, rotations, colours, sharpness, posterising, solarising) and its
    magnitudes of 0 to 30. A shift of 1/8 of the image is about magnitude 9, and so is a rotation by 9 degrees.
    """

    num_ops: int = Field(default=2, ge=1)
    """Number of random changes of each copy."""
    magnitude: int = Field(default=9, ge=0, le=_STRONGEST)
    """Their strength, from 0 to 30."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by the copies, once; raises DataError if a minority class has no image."""
        seed = derive_seed(seed, "rand_augment")
        filled = with_copies(training, self.additions(training), seed=seed, change=self._change)
        yield BalancedSet(training=filled)

    def _change(self, images: Images, seed: int) -> Iterator[Tensor]:
        from torchvision.transforms import v2  # late: it takes a second

        augment = v2.RandAugment(num_ops=self.num_ops, magnitude=self.magnitude, fill=_BACKGROUND)
        # One by one, as it draws one set of changes a call, from the CPU's global random state; and on bytes, as
        # posterising is not defined for floats.
        with seeded_global_state(seed):
            changed = [augment(image) for block in images.split(_BLOCK) for image in as_bytes(block).cpu()]
        blocks = (torch.stack(changed[first : first + _BLOCK]) for first in range(0, len(changed), _BLOCK))
        return (as_unit(block.to(images.device)) for block in blocks)


RAND_AUGMENT = BalancerEntry(
    name="rand_augment",
    settings=RandAugment,
    summary="adds copies of rare images after random changes of shape and colour",
    adds_images=True,
)
