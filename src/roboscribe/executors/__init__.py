"""Where a run's work is done: settings go in, this machine's run or a cluster's jobs come out."""
