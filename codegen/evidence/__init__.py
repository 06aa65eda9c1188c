"""Evidence: what Keras computed, what the converted model computes, and how far they are apart."""
