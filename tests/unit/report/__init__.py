"""The facts of a conversion, and the page that shows them."""
