"""The quality of generated images, and the scores of real ones for comparison."""
