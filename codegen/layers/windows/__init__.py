"""Layers that look through windows: convolutions, pooling."""
