"""How good labels are: gold readers and scores."""
