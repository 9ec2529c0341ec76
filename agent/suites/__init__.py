"""Scripted evaluation suites: many runs, scored by how well the agent did."""
