"""``transformers serve`` where torch is a build for CPUs: pictures are decoded by Pillow, as torchvision cannot.

Takes the arguments of the ``transformers`` command.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torchvision_shim
from PIL import Image


def decode_image(data: Any, **options: Any) -> Any:
    """The RGB picture in a tensor of bytes, uint8, shape [3, height, width]."""
    import torch

    picture = Image.open(io.BytesIO(data.numpy().tobytes())).convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


if __name__ == "__main__":
    torchvision_shim.install()
    import torchvision.io
    from transformers.cli.transformers import main

    torchvision.io.decode_image = decode_image
    main()
