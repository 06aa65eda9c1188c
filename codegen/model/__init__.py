"""The records that pass between stages: a file, the AST-like specification of its model, its variables."""
