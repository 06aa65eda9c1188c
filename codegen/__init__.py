"""Turns saved Keras models into PyTorch source code."""

from codegen.convert import Conversion, Options, convert
from codegen.drift import Drift, check
from codegen.errors import ConversionError
from codegen.inspection import Inspection, inspect

__all__ = ["Conversion", "ConversionError", "Drift", "Inspection", "Options", "check", "convert", "inspect"]
