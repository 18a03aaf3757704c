"""The reading interface: an annotated dataset goes in, its texts come out, for training and for looking at data."""

from roboscribe.reading.episodes import AnnotatedDataset, AnnotatedEpisode, open_dataset
from roboscribe.reading.loading import load
from roboscribe.reading.texts import TEXTS, Span

__all__ = ["TEXTS", "AnnotatedDataset", "AnnotatedEpisode", "Span", "load", "open_dataset"]
