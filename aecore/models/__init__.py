"""Model families behind one interface, PCA included."""

from aecore.models.base import LatentModel
from aecore.models.posterior import Posterior
from aecore.models.registry import all_families, build, family

__all__ = ["LatentModel", "Posterior", "all_families", "build", "family"]
