"""Figures: a data function and a draw function for each."""
