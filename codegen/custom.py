"""What a file of layer functions of the user's own, given with `--custom`, imports."""

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.registry import lowers, replaces_lambda
from codegen.model.spec import LayerSpec

__all__ = ["Builder", "LayerSpec", "Value", "lowers", "replaces_lambda"]
