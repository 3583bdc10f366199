"""What records say of methods, as numbers: means, paired gains, verdicts."""
