"""One file an experiment; see aecore.lab."""
