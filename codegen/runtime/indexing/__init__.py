"""Reading, writing and reducing parts of a tensor that are computed or looked up."""
