"""Annotators turn what is known of an episode into language rows, by asking a model where they must."""
