"""Notes of trials that the analysis knows again."""

LOOK_LIKE_TRAINING = "test images that are, or look like, one to train on"
# What follows where they are many, and nothing says which belong together.
MAY_LEAK = (
    ", and no groups are named: scores of the test part may be too high; data.group names what belongs together"
)
