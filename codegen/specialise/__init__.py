"""Partial evaluation of Python: functions and classes cut to the calls that there are of them."""

from codegen.specialise.program import Program
from codegen.specialise.specialise import specialise

__all__ = ["Program", "specialise"]
