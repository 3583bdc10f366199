"""The classifiers whose minority recall is measured, and their training."""
