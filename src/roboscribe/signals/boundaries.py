"""Boundaries moved to where something happens: from proposed times to nearby physical events."""

from __future__ import annotations

from collections.abc import Sequence

from roboscribe.signals.facts import Signals

CLEAR = 0.5
"""Least strength of a break that attracts boundaries."""


def moments(signals: Signals) -> list[float]:
    """Seconds at which something physical happens, in order: phases, gripper onsets, arm stops and turns."""
    found = {phase.start for phase in signals.phases if phase.start > 0}
    found |= {event.start for event in signals.events}
    found |= {item.time for item in signals.breaks if item.strength >= CLEAR}
    found |= {edge for pause in signals.pauses for edge in pause}
    return sorted(found)


def snap(times: Sequence[float], signals: Signals, tolerance: float) -> list[float]:
    """Each time moved to the nearest physical event within ``tolerance`` seconds, or left as it is.

    One event attracts one time, the nearest one; order is kept, so times that were apart stay apart.

    Args:
        times: Seconds in ascending order.
        signals: Signals of the episode; without any, the times come back unchanged.
        tolerance: Seconds.
    """
    pairs = sorted(
        (abs(moment - time), index, moment)
        for index, time in enumerate(times)
        for moment in moments(signals)
        if abs(moment - time) <= tolerance
    )
    out = list(times)
    placed: set[int] = set()
    taken: set[float] = set()
    for _, index, moment in pairs:
        if index in placed or moment in taken:
            continue
        before = out[index - 1] if index else float("-inf")
        after = out[index + 1] if index + 1 < len(out) else float("inf")
        if before < moment < after:
            out[index] = moment
            placed.add(index)
            taken.add(moment)
    return out
