"""Tables of test rows, one file a group of layers."""
