"""Staging keeps every annotator's rows per episode until they are written, and says which are still valid."""

from roboscribe.staging.store import STAGES, Record, Staging

__all__ = ["STAGES", "Record", "Staging"]
