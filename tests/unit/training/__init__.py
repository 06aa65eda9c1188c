"""What `convert --training` makes of a file, without Keras."""
