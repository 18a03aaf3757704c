"""What the robot's own state and action tell: when grippers close, when arms pause, which arm moves."""

from roboscribe.signals.analysis import analyse
from roboscribe.signals.facts import Arm, Break, GripperEvent, Motion, Phase, Signals, Verb

__all__ = ["Arm", "Break", "GripperEvent", "Motion", "Phase", "Signals", "Verb", "analyse"]
