"""Graph -> SourceFile: every decision about the generated text."""

from codegen.emit.parts import SourceFile
from codegen.emit.source import emit

__all__ = ["SourceFile", "emit"]
