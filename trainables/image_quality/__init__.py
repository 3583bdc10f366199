"""What generated images are worth, and what real ones reach in their place."""
