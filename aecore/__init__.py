"""aecore: autoencoders to train, look at and compare. Knows no user interface."""

__version__ = "0.1.0"
