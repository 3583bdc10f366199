"""Records and arrays of trials: read, selected, corrected on validation."""
