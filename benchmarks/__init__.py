"""Measurements, as ratios of things timed in turn; each module is a command."""
