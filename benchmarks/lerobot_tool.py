"""lerobot-annotate 0.6.1 for benchmarks: an environment goes in, or is made, and its command at its best comes out.

Chosen where it leaves a choice: torchcodec decodes (a fifth faster than its PyAV decoder here, and in a third of the
memory), every episode is worked on at once, and requests go out 16 at a time per episode as by default. What it
asks (rephrasings, descriptions, interjections, one question a picture) is its default.
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
        environment = environment or work / "lerobot"
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

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables for its process."""
        packages = next(self.environment.glob("lib/python3*/site-packages"))
        return os.environ | {
            "HF_HUB_OFFLINE": "1",
            "LD_LIBRARY_PATH": f"{self.libraries}:{packages / 'av.libs'}",
        }

    def command(self, root: Path, server: str, model: str, episodes: int) -> Sequence[str]:
        """The command that annotates a dataset in place with a server's model."""
        return [
            str(self.environment / "bin/lerobot-annotate"),
            f"--root={root}",
            f"--vlm.api_base={server}",
            f"--vlm.model_id={model}",
            "--vlm.auto_serve=false",
            "--vlm.client_concurrency=16",
            f"--executor.episode_parallelism={episodes}",
            "--vqa.vqa_emission_hz=1.0",
            "--vqa.restrict_to_default_camera=true",
            "--video_backend=torchcodec",
        ]
