"""Reading: a file on disk becomes a `SavedModel`; only h5py and numpy are needed."""

from codegen.read.reader import read_model

__all__ = ["read_model"]
