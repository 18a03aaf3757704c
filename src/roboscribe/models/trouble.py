"""What can go wrong between us and a server: of what kind it is, and whether it may pass."""

from __future__ import annotations

from typing import Literal

Kind = Literal["away", "busy", "faulty", "refused", "barred", "unknown"]


class Trouble(Exception):  # noqa: N818 - most of it passes, and never reaches a user
    """A request that brought no reply.

    Attributes:
        kind: ``away`` (not reached, or no answer in time), ``busy`` (asked to slow down), ``faulty`` (a fault
            of the server), ``refused`` (this request will never do), ``barred`` (key or account),
            ``unknown`` (no such model or address). The first three may pass.
        text: What the server or the network said, without secrets.
        after: Seconds the server asked to wait, or None.
    """

    def __init__(self, kind: Kind, text: str, after: float | None = None) -> None:
        super().__init__(text)
        self.kind: Kind = kind
        self.text = text
        self.after = after

    @property
    def passes(self) -> bool:
        """Whether trying again may help."""
        return self.kind in ("away", "busy", "faulty")
