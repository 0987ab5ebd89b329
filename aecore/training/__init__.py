"""Training: the loop and what it is made of. Importing one module imports no other."""
