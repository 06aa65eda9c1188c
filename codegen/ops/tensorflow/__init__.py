"""TensorFlow functions that Keras 2 models call, mostly thin adapters over `ops.keras`."""
