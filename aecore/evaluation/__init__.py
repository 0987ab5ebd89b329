"""What a model is worth: errors, latent maps, factors, columns, and what went wrong in a run."""
