"""What is left of a trial and of a study: all that the analysis shares with the rest."""
