"""Turns saved Keras models into PyTorch source code."""

from codegen.commands.check import Drift, check
from codegen.commands.convert import Conversion, convert
from codegen.commands.diff import diff
from codegen.commands.inspect import Inspection, inspect
from codegen.commands.record import record
from codegen.commands.report import report
from codegen.commands.verify import verify
from codegen.difference.facts import ModelDiff
from codegen.errors import ConversionError
from codegen.evidence.facts import Verification
from codegen.options import Options
from codegen.report.facts import Report
from codegen.version import VERSION

__version__ = VERSION

__all__ = [
    "Conversion",
    "ConversionError",
    "Drift",
    "Inspection",
    "ModelDiff",
    "Options",
    "Report",
    "Verification",
    "__version__",
    "check",
    "convert",
    "diff",
    "inspect",
    "record",
    "report",
    "verify",
]
