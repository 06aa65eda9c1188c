"""The shape of the generated file; no logic."""
