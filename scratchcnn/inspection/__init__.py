"""Looking inside: where every number of a forward and a backward pass came from."""
