"""TensorFlow's containers, SavedModel folders and checkpoints, read without TensorFlow."""
