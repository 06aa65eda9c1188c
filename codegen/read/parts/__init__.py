"""What the readers of all containers share."""
