"""Mutated model files: whatever is done to a file, it is converted or refused in one line."""
