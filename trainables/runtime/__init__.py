"""The machine that a trial runs on: files, cached states, logs, processes, time."""
