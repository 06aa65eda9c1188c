"""ModelSpec -> Graph, and what layer functions talk to."""
