"""The recorder: plain Python 2.7 to 3 that runs where Keras is; its files are joined into one script."""
