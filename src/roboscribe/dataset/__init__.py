"""LeRobot datasets in: open one and read its episodes."""

from roboscribe.dataset.info import Info
from roboscribe.dataset.layout import Shard
from roboscribe.dataset.reader import Dataset, check_episodes, open_dataset

__all__ = ["Dataset", "Info", "Shard", "check_episodes", "open_dataset"]
