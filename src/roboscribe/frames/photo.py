"""Picture files: a path goes in, the picture in the form that models take comes out."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from roboscribe.errors import DatasetError, cause
from roboscribe.frames.picture import QUALITY, Jpeg, encode


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture in a file of any common format.

    Attributes:
        path: The file.
        camera: What the picture is called.
    """

    path: Path
    camera: str

    def check(self) -> None:
        """Make sure that the file is there.

        Raises:
            DatasetError: It is not.
        """
        if not self.path.is_file():
            raise DatasetError(f"{self.path}: there is no such picture.")

    def picture(self) -> Jpeg:
        """The picture; a JPEG file as it is, anything else encoded once.

        Raises:
            DatasetError: The file is missing, or holds no picture.
        """
        return self._picture

    @cached_property
    def _picture(self) -> Jpeg:
        self.check()
        try:
            data = self.path.read_bytes()
            with Image.open(io.BytesIO(data)) as image:
                size = image.size
                if image.format != "JPEG" or image.mode != "RGB":
                    data = encode(np.asarray(image.convert("RGB")), QUALITY)
                else:
                    image.load()
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise DatasetError(f"{self.path} is no picture that can be read: {cause(error)}.") from error
        return Jpeg(data, *size, *size)
