"""How two models differ: in their source, and in their weights, layer by layer."""
