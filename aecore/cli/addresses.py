"""Where others on the network find this machine: its own addresses, the likely one first.

Nothing is sent: the system is asked for its interfaces, and which of them leads out.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket

import psutil

from aecore.errors import ConfigError

#: How interfaces are called behind which no person sits: of containers, virtual machines, tunnels.
_VIRTUAL = (
    *(
        "docker",
        "br-",
        "veth",
        "virbr",
        "vmnet",
        "vboxnet",
        "vethernet",
        "cni",
        "flannel",
        "podman",
    ),
    *("lxc", "lxd", "tun", "tap", "utun", "wg", "zt", "tailscale", "ham", "awdl", "llw", "bridge"),
)
_ELSEWHERE = ("192.0.2.1", 9)  # reserved for documentation: no machine has it
TRIED = 100  # ports after the usual one


def addresses() -> list[str]:
    """This machine's IPv4 addresses on networks, the one that others most likely reach first."""
    up = {name for name, about in psutil.net_if_stats().items() if about.isup}
    leads_out, found = _leading_out(), []
    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family != socket.AF_INET or name not in up:
                continue
            address = ipaddress.ip_address(entry.address)
            if not address.is_loopback:
                found.append((_unlikely(name, address, leads_out), entry.address))
    return [address for _, address in sorted(found)]


def _unlikely(name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, out: str) -> tuple:
    return (
        name.lower().startswith(_VIRTUAL),
        address.is_link_local,
        str(address) != out,
        not address.is_private,
        name,
    )


def _leading_out() -> str:
    """The address of the interface with the default route, "" without one: connecting UDP only
    chooses it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(_ELSEWHERE)
        return asked.getsockname()[0]
    return ""


def is_free(port: int) -> bool:
    """Whether a server may listen on a port of all interfaces."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        # As the server will: a port that one just left is free.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def free_port(wanted: int | None, usual: int) -> int:
    """The wanted port, else the usual one or the next that is free. Raises ConfigError."""
    if wanted is not None:
        if not 1 <= wanted <= 65_535:
            raise ConfigError(f"--port must be from 1 to 65535; it was {wanted}.")
        if not is_free(wanted):
            raise ConfigError(
                f"Port {wanted} cannot be had: another program has it, or it is one of the first "
                "1,024, which are the administrator's; choose another, or leave --port out."
            )
        return wanted
    for port in range(usual, usual + TRIED):
        if is_free(port):
            return port
    raise ConfigError(f"No port from {usual} to {usual + TRIED - 1} is free; choose one by --port.")
