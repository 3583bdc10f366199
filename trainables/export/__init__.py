"""Products of a study for use elsewhere: balanced folders, generators as files, over-samplers."""
