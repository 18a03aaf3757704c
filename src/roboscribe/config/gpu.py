"""What is known of the GPUs that run a model, from which hours and cost of a run follow."""

from __future__ import annotations

from dataclasses import dataclass

from roboscribe.config.checks import at_least
from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class GpuSettings:
    """GPUs of one's own that run the model; hours and cost then follow from their speed."""

    count: int = 1
    """GPUs at work at the same time."""
    reads: float | None = None
    """Tokens a second that one of them reads while it does nothing else; vLLM logs it as prompt throughput."""
    writes: float | None = None
    """Tokens a second that one of them writes while it does nothing else, for all of its requests together; vLLM
    logs it as generation throughput."""
    price: float | None = None
    """Price of an hour of one."""

    def __post_init__(self) -> None:
        at_least("gpu.count", self.count, 1)
        for flag, rate in (("reads", self.reads), ("writes", self.writes)):
            if rate is not None and not rate > 0:
                raise SettingsError(f"--gpu.{flag} is {rate:g}, but must be more than 0.")
        if self.price is not None:
            at_least("gpu.price", self.price, 0)
        if (self.reads is None) != (self.writes is None):
            raise SettingsError(
                "--gpu.reads and --gpu.writes tell how fast a GPU is together.", "Give both, or none."
            )
        if self.reads is None and (self.price is not None or self.count > 1):
            raise SettingsError(
                "--gpu.count and --gpu.price need to know how fast a GPU is.",
                "Say so with --gpu.reads and --gpu.writes.",
            )

    def hours(self, read: float, written: float) -> float | None:
        """Hours for which one of them is at work; None where nobody said how fast it is.

        Args:
            read: Tokens that it reads.
            written: Tokens that it writes.
        """
        if self.reads is None or self.writes is None:
            return None
        return (read / self.reads + written / self.writes) / 3600
