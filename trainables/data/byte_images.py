"""Images stored as bytes: rows of a shared array, converted to floats one batch at a time.

A pool is read once, and is in a machine's memory once, as bytes. Parts of it are rows (`ImageRows`), and training
images become floats when a batch of them is requested (`ByteImages`). Small sets are stored as floats, in a
tensor.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.picture import Bytes

Indices: TypeAlias = npt.NDArray[np.int64]

# Real images whose floats take no more are held as floats, and rows of them are copied: a batch of them need not
# be made, and beside what a trial's libraries and activations take (some 200 MB) they do not count. All others are
# held as bytes, from which a batch's floats are the same numbers.
MOST_FLOAT_BYTES = 16 * 2**20
# Images that were made are held as the floats that they are, while these take no more or the real ones are floats
# too: bytes are rounded, and the numbers of a study would be others. It is enough for all that full MNIST can be
# filled with (60,000 images of 28 pixels, 188 MB).
MOST_MADE_BYTES = 256 * 2**20
# The floats that are looked at at once where no batch size says.
_BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class ImageRows:
    """Rows of pictures in bytes, `base` [M, C, H, W], without a copy of them; behaves as an array."""

    base: Bytes
    rows: Indices

    @property
    def shape(self) -> tuple[int, ...]:
        """As if it were an array [N, C, H, W]."""
        return len(self.rows), *self.base.shape[1:]

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """That of the pictures."""
        return self.base.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Bytes:
        """A copy of what an array would have there."""
        first, *others = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, others = slice(None), [Ellipsis, *others]
        found: Bytes = self.base[self.rows[first]]
        # The axis of the rows is gone where one row is named.
        return (
            found[tuple(others) if np.ndim(self.rows[first]) == 0 else (slice(None), *others)] if others else found
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return self[:] if dtype is None else self[:].astype(dtype)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Bytes]]:
        # Elsewhere it is an array of its own; one that is whole is handed over without a copy.
        is_whole = len(self.rows) == len(self.base) and bool((np.diff(self.rows, prepend=-1) == 1).all())
        return np.asarray, (self.base if is_whole else self[:],)


Pictures: TypeAlias = Bytes | ImageRows


def picture_rows(images: Pictures, rows: Indices) -> Pictures:
    """`images` [N, C, H, W] at `rows`, in that order: copies for few images, rows of the same array for many."""
    if 4 * len(rows) * int(np.prod(images.shape[1:])) <= MOST_FLOAT_BYTES:
        return images[rows]
    base, own = (images.base, images.rows) if isinstance(images, ImageRows) else (images, None)
    return ImageRows(base, np.asarray(rows, dtype=np.int64) if own is None else own[rows])


def blocks_of(images: Pictures) -> Iterator[Bytes]:
    """`images` [N, C, H, W], one block at a time."""
    each = max(1, _BLOCK_BYTES // max(1, int(np.prod(images.shape[1:]))))
    return (images[start : start + each] for start in range(0, len(images), each))


class ByteImages:
    """Float images [N, C, H, W] in [-1, 1] that are stored as bytes: rows are converted on request.

    It behaves like a tensor for length, `shape`, `dtype`, `device`, rows (`images[rows]`, `images.index_select(0,
    rows)`) and `images.split(number)`, all of which return tensors. `take` returns rows that remain bytes. All
    floats at once, `images[:]`, take four times the memory of the bytes.
    """

    dtype = torch.float32

    def __init__(
        self, stored: Tensor, rows: Tensor, made: Tensor | None = None, *, size: int | None = None
    ) -> None:
        """The `rows` [N] of `stored` [M, C, H, W] and behind it `made` [L, C, H, W], bytes or floats each.

        With `size` they are shown at so many pixels a side. Nobody writes to `stored`.
        """
        self._stored, self._rows, self._made, self._size = stored, rows, made, size

    @property
    def shape(self) -> torch.Size:
        """[N, C, H, W]."""
        _, channels, *sides = self._stored.shape
        return torch.Size([len(self._rows), channels, *(sides if self._size is None else [self._size] * 2)])

    @property
    def device(self) -> torch.device:
        """Where batches are."""
        return self._stored.device

    @property
    def num_bytes(self) -> int:
        """Its own bytes: those of rows and of generated images."""
        return sum(each.nbytes for each in (self._rows, self._made) if each is not None)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Tensor:
        """The floats of rows: a number, a slice, indices or a mask."""
        rows = self._rows[key]
        return self._floats(rows[None])[0] if rows.ndim == 0 else self._floats(rows)

    def index_select(self, dim: int, rows: Tensor) -> Tensor:
        """The floats at `rows`."""
        assert dim == 0, "images are rows"
        return self._floats(self._rows.index_select(0, rows))

    def split(self, number: int) -> Iterator[Tensor]:
        """The floats of `number` images at a time, in order."""
        # An empty tensor is split into itself.
        return (self[start : start + number] for start in range(0, max(1, len(self)), number))

    def take(self, rows: Tensor | slice) -> "ByteImages":
        """The images at `rows`, indices, a mask or a slice, without their floats."""
        return ByteImages(self._stored, self._rows[rows], self._made, size=self._size)

    def resized(self, size: int) -> "ByteImages":
        """The same at `size` pixels a side."""
        return ByteImages(self._stored, self._rows, self._made, size=size)

    def joined(self, more: "Images") -> "ByteImages":
        """These images followed by `more`."""
        assert self._size is None, "images are joined as they are stored"
        if not len(more):
            # A filter may let no image pass; a GPU takes no row of nothing, whether or not it is then chosen.
            return self
        if isinstance(more, ByteImages) and more._made is None and _is_same(more._stored, self._stored):
            return ByteImages(self._stored, torch.cat([self._rows, more._rows]), self._made)
        first = len(self._stored) + (0 if self._made is None else len(self._made))
        rows = torch.arange(first, first + len(more), device=self.device)
        before = [] if self._made is None else [self._made]
        behind = more.stored_blocks() if isinstance(more, ByteImages) else [more]
        made = collect([*before, *behind], sum(map(len, before)) + len(more))
        return ByteImages(self._stored, torch.cat([self._rows, rows]), made)

    def stored_blocks(self) -> Iterator[Tensor]:
        """All images as bytes, in blocks; in one block if they are stored so."""
        is_plain = self._made is None and self._size is None and self._stored.dtype == torch.uint8
        if is_plain and len(self._rows) == len(self._stored) and bool((self._rows.diff() == 1).all()):
            yield self._stored
            return
        for rows in torch.split(self._rows, _block_length(self.shape)):
            yield self._stored.index_select(0, rows) if is_plain else as_bytes(self._floats(rows))

    def content_blocks(self) -> Iterator[Tensor]:
        """Everything that the images depend on, in blocks: bytes as bytes, floats as floats."""
        if self._size is not None:
            yield torch.tensor(self._size)
        each = _block_length(self.shape)
        for start in range(0, len(self), each):
            rows = self._rows[start : start + each]
            yield self._stored[rows[rows < len(self._stored)]]
            if self._made is not None:
                yield rows >= len(self._stored)
                yield self._made[rows[rows >= len(self._stored)] - len(self._stored)]

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise DataError(
            f"{getattr(function, '__name__', function)} needs all images as one tensor, but a set of "
            f"this size is converted in batches: use rows, images[rows], or images.split(number)"
        )

    def _floats(self, rows: Tensor) -> Tensor:
        number = len(self._stored)
        if self._made is None:
            floats = as_unit(self._stored.index_select(0, rows))
        else:
            # From both, and then chosen: a GPU need not say how many come from where.
            real = as_unit(self._stored.index_select(0, rows.clamp(max=number - 1)))
            made = as_unit(self._made.index_select(0, (rows - number).clamp(min=0)))
            floats = torch.where((rows >= number)[:, None, None, None], made, real)
        return resize(floats, self._size)


# What is trained on: [N, C, H, W] in [-1, 1]. Of both kinds rows are tensors.
Images: TypeAlias = Tensor | ByteImages


def hold(images: Pictures, device: torch.device) -> Images:
    """Bytes [N, C, H, W] in [0, 255] as float images in [-1, 1] on `device`: a tensor for few images, views for
    many.

    On a CPU the bytes are not copied; a GPU gets them as bytes.
    """
    if 4 * int(np.prod(images.shape)) <= MOST_FLOAT_BYTES:
        return to_float(np.asarray(images), device)
    base, rows = (images.base, images.rows) if isinstance(images, ImageRows) else (images, np.arange(len(images)))
    if device.type == "cpu":
        return ByteImages(_shared(base), torch.from_numpy(rows))
    stored = torch.empty(images.shape, dtype=torch.uint8, device=device)
    first = 0
    for block in blocks_of(images):
        stored[first : first + len(block)] = torch.from_numpy(np.array(block)).to(device)
        first += len(block)
    return ByteImages(stored, torch.arange(len(images), device=device))


def _shared(base: Bytes) -> Tensor:
    """`base` as a tensor without a copy."""
    with warnings.catch_warnings():
        # Torch warns about read-only memory, in which shared images lie; nothing writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(base)


def take(images: Images, rows: Tensor | slice) -> Images:
    """`images` at `rows`, indices, a mask or a slice, in that order; bytes remain bytes."""
    return images.take(rows) if isinstance(images, ByteImages) else images[rows]


def join(images: Images, more: Images) -> Images:
    """`images` followed by `more`."""
    if isinstance(images, ByteImages):
        return images.joined(more)
    if isinstance(more, Tensor):
        return torch.cat([images, more])
    return ByteImages(images, torch.arange(len(images), device=images.device)).joined(more)


def collect(blocks: Iterable[Tensor], number: int) -> Tensor:
    """Blocks of images, `number` in all, as one tensor: of floats if these take no more than MOST_MADE_BYTES.

    Otherwise of bytes; and also of bytes if a block is.
    """
    found: list[Tensor] = []
    for block in blocks:
        if number * _row_bytes(block.shape) > MOST_MADE_BYTES and block.dtype != torch.uint8:
            block = as_bytes(block)
        found.append(block)
    if any(each.dtype == torch.uint8 for each in found):
        found = [each if each.dtype == torch.uint8 else as_bytes(each) for each in found]
    return torch.cat(found)


def gather(blocks: Iterable[Tensor], number: int, *, real: Images, size: int | None = None) -> Images:
    """Blocks of images that were generated for the `real` ones, `number` in all, at `size` pixels.

    Floats, unless these take more than MOST_MADE_BYTES and the real ones are stored as bytes too.
    """
    kept: list[Tensor] = []
    for block in blocks:
        largest = max(block.shape[-1], size or 0) ** 2 * block.shape[1] * 4
        stays = isinstance(real, Tensor) or number * largest <= MOST_MADE_BYTES
        kept.append(block if stays else as_bytes(resize(block, size)))
    made = torch.cat(kept)
    if made.dtype != torch.uint8:
        return resize(made, size)
    return ByteImages(made, torch.arange(len(made), device=made.device))


def resized(images: Images, size: int | None) -> Images:
    """`images` [N, C, H, W] at `size` pixels, as `resize` does; None leaves them as they are."""
    if size is None or size == images.shape[-1]:
        return images
    return images.resized(size) if isinstance(images, ByteImages) else resize(images, size)


def resize(images: Tensor, size: int | None) -> Tensor:
    """`images` [N, C, H, W] at `size` pixels, with antialiasing if they shrink; None leaves them as they are."""
    if size is None or size == images.shape[-1]:
        return images
    return functional.interpolate(images, size=size, mode="bilinear", antialias=True).clamp(-1, 1)


def floats_of(images: Images, what: str) -> Tensor:
    """All of `images` as one tensor, which `what` needs; raises MemoryShortageError if they do not fit."""
    if isinstance(images, Tensor):
        return images
    refuse_beyond_memory(len(images) * _row_bytes(images.shape), f"{what}: {len(images):,} images as floats")
    return images[:]


def as_unit(images: Tensor) -> Tensor:
    """Bytes in [0, 255] as float32 in [-1, 1], in new memory; floats unchanged."""
    return images if images.dtype != torch.uint8 else images.float().div_(127.5).sub_(1.0)


def as_bytes(images: Tensor) -> Tensor:
    """Float images in [-1, 1] as bytes in [0, 255], on their device."""
    return ((images.detach() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def to_float(images: Bytes, device: torch.device) -> Tensor:
    """Bytes [N, C, H, W] in [0, 255] as float32 in [-1, 1]."""
    # torch warns of memory that may not be written to, which shared images lie in.
    return torch.as_tensor(np.require(images, requirements="W"), device=device).float() / 127.5 - 1.0


def to_bytes(images: Tensor) -> Bytes:
    """Float images [N, C, H, W] in [-1, 1] as bytes in [0, 255]; the inverse of `to_float`."""
    array: Bytes = as_bytes(images).cpu().numpy()
    return array


def _is_same(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape and one.dtype == other.dtype


def _row_bytes(shape: torch.Size) -> int:
    return 4 * shape[1:].numel()


def _block_length(shape: torch.Size) -> int:
    return max(1, _BLOCK_BYTES // max(1, _row_bytes(shape)))
