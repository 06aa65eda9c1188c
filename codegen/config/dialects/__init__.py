"""What each generation of Keras called otherwise, and what its versions did otherwise."""
