"""The contract of every part of a study, as checks: tests apply them to own parts, a command to those of
others.
"""
