"""What the robot's own state and action tell: when grippers close, when arms pause, which arm moves."""

from roboscribe.signals.analysis import analyse
from roboscribe.signals.facts import Arm, Break, GripperEvent, Motion, Phase, Signals, Verb

__all__ = ["VERSION", "Arm", "Break", "GripperEvent", "Motion", "Phase", "Signals", "Verb", "analyse"]

VERSION = 3
"""Raised when signals tell otherwise of the same episode, so that results that were built on them are not reused."""
