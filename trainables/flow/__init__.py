"""Flow matching: a network that moves noise to images along straight lines, its training and its sampler."""
