"""Repeated structure becomes classes: finding what repeats, parametrising, naming and building it."""
