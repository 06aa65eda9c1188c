"""Graph -> SourceFile: every decision about the generated text."""

from codegen.emit.source import SourceFile, emit

__all__ = ["SourceFile", "emit"]
