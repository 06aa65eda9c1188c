"""The canonical specification of a saved model, and the parser that makes it."""

from __future__ import annotations

from codegen.spec.model import CallSpec, LayerSpec, ModelSpec, TensorRef
from codegen.spec.parse import parse

__all__ = ["CallSpec", "LayerSpec", "ModelSpec", "TensorRef", "parse"]
