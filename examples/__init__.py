"""Models to convert, and layer functions of one's own."""
