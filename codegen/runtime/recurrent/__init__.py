"""Recurrent layers as Keras computes them, where torch's own do not suffice."""
