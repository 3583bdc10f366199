"""Comparisons of methods as numbers: means, paired gains, verdicts."""
