"""Which folders the package is made of; all else is said in pyproject.toml."""

from setuptools import find_packages, setup

# The trained models, and the app with its pages, lie at the top of the project; in a wheel they
# travel inside the package. app.py finds `pages` beside itself in both.
app = [
    "aecore.app",
    *(f"aecore.app.{name}" for name in find_packages(include=["pages", "pages.*"])),
]
setup(
    packages=[*find_packages(include=["aecore", "aecore.*"]), "aecore.shipped", *app],
    package_dir={"aecore.shipped": "checkpoints", "aecore.app": "."},
)
