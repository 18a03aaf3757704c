"""What the robot's own state and action tell: when grippers close, when arms pause, which arm moves."""

from roboscribe.signals.facts import GripperEvent, Motion, Phase, Signals

__all__ = ["GripperEvent", "Motion", "Phase", "Signals"]
