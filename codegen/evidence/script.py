"""The recorder as one standalone script: its files joined, each after those that it imports."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "recorder"

#: The files of the recorder, each after those that it imports.
_PARTS = ("files", "loading", "calls", "inputs", "record")

_HEADER = '''\
#!/usr/bin/env python
"""Records what a Keras model computes, layer by layer, for `k2t-gen verify`: run it where Keras is.

Needs Python 2.7 or 3.5 and later, numpy, and any Keras: 1, 2, 3, tf.keras or tf_keras.
"""

from __future__ import division, print_function
'''


@cache
def recorder_script() -> str:
    """The text of the script."""
    imports: set[str] = set()
    bodies = []
    for part in _PARTS:
        text = (_FOLDER / f"{part}.py").read_text(encoding="utf-8")
        bodies.append(_without_imports(text, imports))
    return "\n".join([_HEADER, *sorted(imports - {"import numpy as np"}), "", "import numpy as np", *bodies])


def _without_imports(text: str, imports: set[str]) -> str:
    """A file below its imports; those of other packages than ours are added to `imports`."""
    end = 0
    for node in ast.parse(text).body:
        is_docstring = isinstance(node, ast.Expr) and not end
        if isinstance(node, ast.Import):
            imports.add(ast.unparse(node))
        elif not is_docstring and not isinstance(node, ast.ImportFrom):
            break
        end = node.end_lineno or 0
    return "\n".join(text.split("\n")[end:]).strip("\n").join(("\n\n", "\n"))
