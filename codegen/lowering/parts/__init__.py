"""What the functions of layers and of ops share."""
