"""What a network is, inferred from names, shapes and trying, without its code."""
