"""Real, typed, tested Python code that is copied into a training script that needs it; imports only torch."""
