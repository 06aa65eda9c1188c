"""Files of tensors: what is written, what is read back, how they are compared."""
