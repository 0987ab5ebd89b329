"""Which folders the package is made of; all else is said in pyproject.toml."""

from setuptools import find_packages, setup

# The trained models lie at the top of the project; in a wheel they travel inside the package.
setup(
    packages=[*find_packages(include=["aecore", "aecore.*"]), "aecore.shipped"],
    package_dir={"aecore.shipped": "checkpoints"},
)
