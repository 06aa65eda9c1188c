"""Methods for training: initialisation and regularisation as Keras does them."""
