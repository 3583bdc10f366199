"""How they are run: Ray Tune, the session, storage and locks."""
