"""What operators, functions of Python and functions of libraries mean for constants and tensors."""
