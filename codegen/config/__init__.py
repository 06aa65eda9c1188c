"""SavedModel -> ModelSpec: a saved config in the words of any Keras becomes the canonical specification."""

from codegen.config.parse import parse

__all__ = ["parse"]
