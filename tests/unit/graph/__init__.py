"""The graph, its text and its check."""
