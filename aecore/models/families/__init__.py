"""The model families, one file a family; the registry finds them."""
