"""Graph -> Graph, one idea a file."""
