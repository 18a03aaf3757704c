"""The builtin model: answers asks by rule from the robot's own signals and the task text, with no GPU."""

from roboscribe.models.builtin.model import BuiltinModel

__all__ = ["BuiltinModel"]
