"""A second Ctrl-C ends what the first one did not, wherever it is."""

from __future__ import annotations

import signal
import subprocess
import sys

STUBBORN = """
import asyncio
from contextlib import suppress
from roboscribe.staging.ending import ending_in_order
from roboscribe.staging.pace import Pace

async def work():
    with ending_in_order(Pace(1)):
        for _ in range(3):
            print("at it", flush=True)
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

asyncio.run(work())
"""


def test_a_second_ctrl_c_ends_what_does_not_heed_the_first() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for _ in range(2):
            assert process.stdout.readline() == "at it\n"
            process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, stdout, stderr) == (-signal.SIGINT, "", "")
