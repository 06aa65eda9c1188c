"""Functions of the model graph, one small function each: Keras' own and TensorFlow's."""
