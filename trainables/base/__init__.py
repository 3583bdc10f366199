"""The basis of every room of a trial: settings, ranges, seeds, batches."""
