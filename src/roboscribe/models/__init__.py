"""Models answer asks: the builtin one by rule, scripted ones from a list, others by asking a network."""
