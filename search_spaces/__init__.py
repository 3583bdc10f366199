"""What may vary in a study."""
