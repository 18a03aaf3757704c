from typing import Any

VideoMetadata: Any
