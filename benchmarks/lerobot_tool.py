"""lerobot-annotate 0.6.1 for benchmarks: an environment goes in, or is made, and its command comes out.

As it comes, it decodes with PyAV where no FFmpeg is installed that torchcodec could load. Tuned, torchcodec is given
the libraries that PyAV brings, and every episode is worked on at once. What it asks (rephrasings, descriptions,
interjections, one question a picture) is its default both times.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VERSION = "0.6.1"


@dataclass(frozen=True)
class LeRobot:
    """The tool in its environment.

    Attributes:
        environment: Folder of a virtual environment that has it.
        libraries: Folder with FFmpeg's libraries under the names that torchcodec looks for.
    """

    environment: Path
    libraries: Path

    @classmethod
    def found(cls, environment: Path | None, work: Path) -> LeRobot:
        """The tool of an environment; one is made in ``work`` where none is named."""
        environment = (environment or work / "lerobot").absolute()
        if not environment.exists():
            print(f"making an environment for lerobot-annotate in {environment}", flush=True)
            packages = [f"lerobot[dataset]=={VERSION}", "openai"]
            subprocess.run(["uv", "venv", "-q", "--python", "3.12", environment], check=True)
            python = environment / "bin/python"
            subprocess.run(["uv", "pip", "install", "-q", "--python", python, *packages], check=True)
        libraries = work / "ffmpeg"
        libraries.mkdir(parents=True, exist_ok=True)
        # PyAV's own libraries, whose names end in a digest, so that torchcodec needs no others.
        for library in environment.glob("lib/python3*/site-packages/av.libs/lib[as]*"):
            name, _, version = library.name.partition(".so.")
            link = libraries / f"{name.rpartition('-')[0]}.so.{version.split('.')[0]}"
            link.unlink(missing_ok=True)
            link.symlink_to(library)
        return cls(environment, libraries)

    def environ(self, *, tuned: bool) -> Mapping[str, str]:
        """Environment variables for its process."""
        packages = next(self.environment.glob("lib/python3*/site-packages"))
        found = {"LD_LIBRARY_PATH": f"{self.libraries}:{packages / 'av.libs'}"} if tuned else {}
        return os.environ | {"HF_HUB_OFFLINE": "1"} | found

    def command(self, root: Path, server: str, model: str, episodes: int, *, tuned: bool) -> Sequence[str]:
        """The command that annotates a dataset in place with a server's model."""
        chosen = [f"--executor.episode_parallelism={episodes}", "--video_backend=torchcodec"]
        return [
            str(self.environment / "bin/lerobot-annotate"),
            f"--root={root}",
            f"--vlm.api_base={server}",
            f"--vlm.model_id={model}",
            "--vlm.auto_serve=false",
            *(chosen if tuned else ()),
        ]
