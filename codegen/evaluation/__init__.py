"""Python functions of a model file, evaluated over the graph: nothing of them is run or imported."""
