"""Boundaries moved to where something happens: from proposed times to nearby physical events."""

from __future__ import annotations

from collections.abc import Sequence

from roboscribe.signals.facts import Signals

CLEAR = 0.5
"""Least strength of a break that attracts boundaries."""


def moments(signals: Signals) -> list[float]:
    """Seconds at which something physical happens, in order: phases, gripper onsets, arm stops and turns."""
    return sorted(_onsets(signals) | _others(signals))


def snap(times: Sequence[float], signals: Signals, tolerance: float) -> list[float]:
    """Each time moved to a physical event within ``tolerance`` seconds, or left as it is.

    The onset of a phase attracts before any other event does, the nearest first. One event attracts one
    time; order is kept, so times that were apart stay apart.

    Args:
        times: Seconds in ascending order.
        signals: Signals of the episode; without any, the times come back unchanged.
        tolerance: Seconds.
    """
    out = list(times)
    placed: set[int] = set()
    onsets = _onsets(signals)
    for attractors in (onsets, _others(signals) - onsets):
        pairs = sorted(
            (abs(moment - time), index, moment)
            for index, time in enumerate(times)
            if index not in placed
            for moment in attractors
            if abs(moment - time) <= tolerance
        )
        for _, index, moment in pairs:
            before = out[index - 1] if index else float("-inf")
            after = out[index + 1] if index + 1 < len(out) else float("inf")
            if (
                index not in placed
                and moment not in out[:index] + out[index + 1 :]
                and before < moment < after
            ):
                out[index] = moment
                placed.add(index)
    return out


def _onsets(signals: Signals) -> set[float]:
    return {phase.start for phase in signals.phases if phase.start > 0}


def _others(signals: Signals) -> set[float]:
    found = {event.start for event in signals.events}
    found |= {item.time for item in signals.breaks if item.strength >= CLEAR}
    return found | {edge for pause in signals.pauses for edge in pause}
