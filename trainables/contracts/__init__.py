"""What every part of a study promises, as checks: tests ask them of own parts, a command of those of others."""
