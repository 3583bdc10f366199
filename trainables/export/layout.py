"""The files of an export: safe names of class folders, lossless images, settings as JSON."""

import io
import json
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.seal import sealed, unsealed
from gan_study.trainables.base.settings import ConfigError, DataError, dump, from_json, parse
from gan_study.trainables.export.synthetic_mark import PNG_KEYWORD, SyntheticMark
from gan_study.trainables.runtime.storage import write_atomically

T = TypeVar("T")


def write_png(path: Path, pixels: npt.NDArray[np.uint8], *, mark: SyntheticMark | None = None) -> None:
    """Pixels [C, H, W] as a lossless PNG; a generated image has its `mark`."""
    buffer, said = io.BytesIO(), PngInfo()
    if mark is not None:
        said.add_itxt(PNG_KEYWORD, mark.xmp)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    picture.save(buffer, format="PNG", pnginfo=said)
    write_atomically(path, buffer.getvalue())


def write_settings(path: Path, value: object) -> None:
    """A settings object as JSON with its seal, every default written out."""
    write_atomically(path, (json.dumps(sealed(dump(value)), indent=2) + "\n").encode())


def read_settings(cls: type[T], path: Path, *, what: str) -> T:
    """The `cls` in a file; `what` names it in errors.

    Raises DataError if the file is missing, damaged or edited, and ConfigError if its values are not those of a
    `cls`.
    """
    try:
        values = unsealed(from_json(read_bytes(path)))
    except FileNotFoundError:
        raise DataError(f"{path.parent} contains no {what}; {path.name} is missing") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except ConfigError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    return parse(cls, values, where=str(path))
