"""Tests without Keras and TensorFlow: quick."""
