"""The facts of a conversion that a reviewer wants to see, and the page that shows them."""
