"""Hugging Face Jobs beside the Hub, in memory: what the real client library sends is kept, and played by a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.fake_hub import TOKEN, FakeHub, Handler

OVER = ("COMPLETED", "ERROR", "CANCELED")
_FLAVORS = {"cpu-basic": None, "a10g-large": {"type": "gpu", "model": "A10G", "quantity": "1", "vram": "24 GB",
                                              "manufacturer": "Nvidia"}}  # fmt: skip


@dataclass
class SentJob:
    """A job as it was sent, and how it goes.

    Attributes:
        owner: Whose it is.
        spec: What was sent.
        stage: How it stands.
        message: What is said of that.
        log: Its lines so far.
    """

    owner: str
    spec: dict[str, Any]
    stage: str = "SCHEDULING"
    message: str | None = None
    log: list[str] = field(default_factory=list[str])


def completes(job: SentJob) -> None:
    """Says a word and ends well."""
    job.log.append("hello from far away")
    job.stage = "COMPLETED"


@dataclass
class FakeJobs(FakeHub):
    """A Hub that takes jobs.

    Attributes:
        jobs: Those sent, by number.
        play: Makes a job that runs go on, in a thread of its own.
        has_credit: Whether jobs are paid for.
    """

    jobs: dict[str, SentJob] = field(default_factory=dict[str, SentJob])
    play: Callable[[SentJob], None] = completes
    has_credit: bool = True

    def handler(self) -> type[Handler]:
        """Answers for jobs, too."""
        return _JobsHandler

    def execute(self, home: Path) -> Callable[[SentJob], None]:
        """Plays a job by running its command on this machine, as a user with an empty home."""

        def play(job: SentJob) -> None:
            environ = {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "HOME": str(home),
                "HF_ENDPOINT": self.url,
                "HF_HUB_DISABLE_XET": "1",
            }
            running = subprocess.Popen(
                job.spec["command"],
                env=environ | job.spec["environment"] | job.spec["secrets"],
                cwd=home,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert running.stdout is not None
            job.log.extend(line.rstrip("\n") for line in running.stdout)
            job.stage = "ERROR" if running.wait() else "COMPLETED"

        return play


class _JobsHandler(Handler):
    hub: FakeJobs

    def hardware(self, body: bytes) -> None:
        known = {
            "cpu": "2 vCPU",
            "ram": "16 GB",
            "unitCostMicroUSD": 25000,
            "unitCostUSD": 0.025,
            "unitLabel": "minute",
        }
        self._say(200, [known | {"name": n, "prettyName": n, "accelerator": a} for n, a in _FLAVORS.items()])

    def send(self, body: bytes, owner: str) -> None:
        spec = json.loads(body)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say(401, {"error": "Invalid username or password."})
        if not self.hub.has_credit:
            return self._say(402, {"error": "Pre-paid credit balance is insufficient"})
        if spec["flavor"] not in _FLAVORS:
            return self._say(400, {"error": "Invalid flavor"})
        number = f"{len(self.hub.jobs):024x}"
        job = self.hub.jobs[number] = SentJob(owner, spec)

        def run() -> None:
            job.stage = "RUNNING"
            self.hub.play(job)

        threading.Thread(target=run, daemon=True).start()
        return self._info(number, job)

    def inspect(self, body: bytes, owner: str, number: str) -> None:
        if job := self._job(owner, number):
            self._info(number, job)

    def log(self, body: bytes, owner: str, number: str) -> None:
        job = self._job(owner, number)
        if job is None:
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        sent = 0
        while True:
            over = job.stage in OVER
            for line in job.log[sent:]:
                event = {"data": line, "timestamp": "2026-01-01T00:00:00.000Z"}
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
                sent += 1
            if over:
                return
            time.sleep(0.05)

    def _job(self, owner: str, number: str) -> SentJob | None:
        job = self.hub.jobs.get(number)
        if job is None or job.owner != owner:
            self._say(404, {"error": "Job not found"})
            return None
        return job

    def _info(self, number: str, job: SentJob) -> None:
        status = {"stage": job.stage, "message": job.message}
        owner = {"id": "1", "name": job.owner, "type": "user"}
        spec = {key: value for key, value in job.spec.items() if key != "secrets"}
        self._say(200, {"id": number, "status": status, "owner": owner, **spec})


_JobsHandler.routes = [
    ("GET", "/api/jobs/hardware", _JobsHandler.hardware),
    ("POST", r"/api/jobs/([\w-]+)", _JobsHandler.send),
    ("GET", r"/api/jobs/([\w-]+)/(\w+)", _JobsHandler.inspect),
    ("GET", r"/api/jobs/([\w-]+)/(\w+)/logs", _JobsHandler.log),
    *Handler.routes,
]
