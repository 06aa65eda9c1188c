"""`convert --training`: what compile() saved becomes a script that goes on training."""
