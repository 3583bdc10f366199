"""Images as files: names of class folders that nothing leaves by, and pixels that lose nothing."""

import io
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from gan_study.trainables.runtime.storage import write_atomically

# What separates folders somewhere or cannot be in a file's name everywhere, the escape itself, and a first dot:
# hidden folders are passed over, and ".." leads out.
_UNSAFE = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f]|^\.|[. ]$')


def folder_name(class_name: str) -> str:
    """A name for the folder of a class, on every system, below the folder it is made in; no two classes share one.

    Characters that cannot stay become % and their code, "T-shirt/top" for instance "T-shirt%2Ftop".
    """
    return _UNSAFE.sub(lambda found: f"%{ord(found.group()):02X}", class_name) or "%"


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Pixels [C, H, W] as a PNG, which loses nothing of them."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(buffer, format="PNG")
    write_atomically(path, buffer.getvalue())
