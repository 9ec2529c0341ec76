"""Inputs unlike what a model was tuned on: scores, threshold, calibration, abstention."""
