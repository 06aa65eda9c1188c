"""Real, typed, tested Python code that is copied into an output that needs it.

Each file holds only functions and classes; an output gets the text of those that it names, with
those that they name in turn (`codegen.graph.helpers`).
"""
