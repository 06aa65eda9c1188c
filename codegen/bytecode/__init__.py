"""Compiled Python functions: bytes of `marshal` become instructions in one normal form; nothing is run."""
