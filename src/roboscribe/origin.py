"""Where this program was installed from: names of extras go in, how to install them, here or elsewhere, comes out."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from roboscribe import __version__


def checkout() -> Path | None:
    """Folder on this machine that the program runs from; None where it was installed from elsewhere."""
    origin = _origin()
    is_folder = "dir_info" in origin and str(origin.get("url", "")).startswith("file://")
    return Path(origin["url"].removeprefix("file://")) if is_folder else None


def requirement(*extras: str) -> str:
    """What pip is to be told to install this program elsewhere: its release, or its commit."""
    name = f"roboscribe[{','.join(extras)}]" if extras else "roboscribe"
    origin = _origin()
    if "vcs_info" in origin:
        source = origin["vcs_info"]
        return f"{name} @ {source['vcs']}+{origin['url']}@{source['commit_id']}"
    return f"{name}=={__version__}"


def installing(*extras: str) -> str:
    """The command that adds extras to this installation, in backquotes."""
    folder = checkout()
    if folder is None:
        return f'`pip install "{requirement(*extras)}"`'
    if (folder / "dev.py").is_file() and Path(sys.prefix) == folder / ".venv":
        return f"`python3 {folder / 'dev.py'} install {' '.join(extras)}`"
    return f'`pip install --editable "{folder}[{",".join(extras)}]"`'


@cache
def _origin() -> dict[str, Any]:
    """What pip and its like write down of where a package came from; nothing where it came from an index."""
    try:
        text = distribution("roboscribe").read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    return json.loads(text) if text else {}
