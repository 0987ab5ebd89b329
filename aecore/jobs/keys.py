"""With which keys this process speaks with a cluster that is not its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from aecore.errors import JobError

VARIABLES = ("AECORE_TLS_CA", "AECORE_TLS_CERT", "AECORE_TLS_KEY")
_ROLES = ("client", "scheduler", "worker")


def keys() -> dict[str, Any] | None:
    """distributed.Security's arguments from AECORE_TLS_CA, _CERT and _KEY: files of one authority
    that all trust, and of this process's certificate and key by it. None where none is set: Dask's
    own configuration counts then. Raises JobError where one is missing.
    """
    given = {name: os.environ.get(name, "") for name in VARIABLES}
    if not any(given.values()):
        return None
    for name, path in given.items():
        if not path or not Path(path).is_file():
            said = f"names {path}, where no file is" if path else "is not set"
            raise JobError(
                f"{name} {said}: TLS with the cluster needs {', '.join(VARIABLES)}, each the path "
                "of a PEM file."
            )
    authority, certificate, key = given.values()
    found: dict[str, Any] = {"tls_ca_file": authority, "require_encryption": True}
    for role in _ROLES:
        found |= {f"tls_{role}_cert": certificate, f"tls_{role}_key": key}
    return found


def security() -> Any:
    """The same as Dask's object; None for Dask's own configuration. Raises JobError."""
    from distributed.security import Security

    given = keys()
    return None if given is None else Security(**given)
