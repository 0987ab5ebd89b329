"""What is good, worrying or broken about a model, each with its evidence; the report."""
