"""How many processor cores this program may use: what the system allows it goes in, a number comes out."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@cache
def cores() -> int:
    """Cores that this process may run on, and no more than the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(count, _quota()))


def _quota() -> int:
    """Whole cores that a container may use, as Linux tells it; more than any machine has where there is no limit."""
    try:
        most, period = _QUOTA.read_text().split()
        return int(most) // int(period)
    except (OSError, ValueError):
        return 2**16
