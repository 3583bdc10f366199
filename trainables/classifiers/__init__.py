"""The classifiers whose minority recall is at stake, and their training."""
