"""Ways out: the model in hand as files for elsewhere."""
