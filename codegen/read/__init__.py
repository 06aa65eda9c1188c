"""Reading: a file on disk becomes a `SavedModel`; only h5py and numpy are needed."""

from codegen.read.reader import read_model
from codegen.read.saved_model import LayerWeights, PathWeights, SavedModel, StoredTensor

__all__ = ["LayerWeights", "PathWeights", "SavedModel", "StoredTensor", "read_model"]
