"""What only training needs and torch lacks: initialisers, regularisers, noise."""
