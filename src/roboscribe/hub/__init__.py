"""The Hugging Face Hub: a finished dataset goes in, a repository with the dataset and its card comes out."""

from roboscribe.hub.push import Destination, check_push, push

__all__ = ["Destination", "check_push", "push"]
