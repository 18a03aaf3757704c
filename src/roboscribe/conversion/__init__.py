"""Datasets in another form: from v2.x to v3.0, and between language columns and index features."""
