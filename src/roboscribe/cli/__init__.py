"""The command line: one thin file per command, and how runs are shown."""
