"""The repository's habits: lint, types, short files, a true README."""
