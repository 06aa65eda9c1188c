"""Layers that Keras has no more, and layers of known packages around it."""
