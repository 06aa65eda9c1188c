"""Files of torch tensors, written from recipes and read back, one piece at a time and without torch."""
