"""How a study is watched: progress, logs, W&B, checks."""
