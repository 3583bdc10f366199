"""The machine that runs a trial: files, cached states, logs, processes, time."""
