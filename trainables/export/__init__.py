"""What is left for use: balanced folders, generators as files, over-samplers."""
