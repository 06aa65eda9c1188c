"""One small function per Keras layer, in files named as Keras groups them."""
