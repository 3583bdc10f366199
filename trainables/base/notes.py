"""Notes of trials that the analysis recognises."""

LOOK_LIKE_TRAINING = "test images that are, or look like, a training image"
# What follows where they are many, and nothing says which belong together.
MAY_LEAK = ", and no groups are named: test scores may be too high; data.group names what belongs together"
