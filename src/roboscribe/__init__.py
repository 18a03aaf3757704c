"""Roboscribe gives robot-learning datasets their language."""

__version__ = "0.1.0"
