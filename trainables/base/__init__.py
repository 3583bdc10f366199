"""What every room of a trial stands on: settings, ranges, seeds, batches."""
