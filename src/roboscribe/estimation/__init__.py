"""Estimation tells what a run would take: settings go in, calls, tokens, hours and cost come out, nothing is spent."""

from roboscribe.estimation.estimate import estimate
from roboscribe.estimation.result import Estimate, Part

__all__ = ["Estimate", "Part", "estimate"]
