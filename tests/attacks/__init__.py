"""Attacks on the grader, each shown to work on a naive one, and honest controls that must keep passing."""
