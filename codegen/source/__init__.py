"""Python files of a model's author: parsed and looked up, never imported or run."""
