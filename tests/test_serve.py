"""`aecore serve`: where a class finds this machine, and what the server is told."""

from __future__ import annotations

import hashlib
import re
import socket
from types import SimpleNamespace

import pytest

from aecore import places
from aecore.cli import addresses, main, serve
from aecore.errors import ConfigError


def machine(monkeypatch, interfaces: dict[str, str], out: str = "", down: tuple[str, ...] = ()):
    """A machine with these interfaces, whose default route leaves by the address `out`."""
    entries = {
        name: [SimpleNamespace(family=socket.AF_INET, address=address)]
        for name, address in interfaces.items()
    }
    up = {name: SimpleNamespace(isup=name not in down) for name in interfaces}
    monkeypatch.setattr(addresses.psutil, "net_if_addrs", lambda: entries)
    monkeypatch.setattr(addresses.psutil, "net_if_stats", lambda: up)
    monkeypatch.setattr(addresses, "_leading_out", lambda: out)


@pytest.mark.parametrize(
    ("interfaces", "out", "found"),
    [
        ({"lo": "127.0.0.1"}, "", []),
        (
            {"docker0": "172.17.0.1", "wlan0": "192.168.1.5", "eth0": "10.0.0.5"},
            "192.168.1.5",
            ["192.168.1.5", "10.0.0.5", "172.17.0.1"],
        ),
        # A hotspot in a room without any other network: no route leads out.
        ({"wlan0": "10.42.0.1", "eth0": "169.254.7.7"}, "", ["10.42.0.1", "169.254.7.7"]),
        ({"tun0": "10.8.0.2", "eth0": "10.0.0.5"}, "10.8.0.2", ["10.0.0.5", "10.8.0.2"]),
    ],
    ids=["none", "Wi-Fi first", "no internet", "VPN last"],
)
def test_the_likely_address_comes_first(interfaces, out, found, monkeypatch):
    machine(monkeypatch, interfaces, out)
    assert addresses.addresses() == found


def test_an_interface_that_is_down_is_none(monkeypatch):
    machine(monkeypatch, {"eth0": "10.0.0.5", "wlan0": "10.0.0.6"}, down=("eth0",))
    assert addresses.addresses() == ["10.0.0.6"]


def test_a_port_that_is_taken_is_passed_over_or_said():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert addresses.free_port(None, port) != port
        with pytest.raises(ConfigError, match=f"Port {port} cannot be had"):
            addresses.free_port(port, 1)
    with pytest.raises(ConfigError, match="from 1 to 65535"):
        addresses.free_port(70_000, 1)


@pytest.fixture
def become(monkeypatch) -> dict:
    """What the process would become: its command and environment."""
    made: dict = {}
    monkeypatch.setattr(
        serve, "_become", lambda command, env: made.update(command=command, env=env)
    )
    machine(monkeypatch, {"wlan0": "192.168.1.5", "eth0": "10.0.0.5"}, "192.168.1.5")
    monkeypatch.delenv(serve.TEACHER_VARIABLE, raising=False)
    return made


def test_the_secret_is_on_the_terminal_alone(become, capsys, tmp_path):
    main(["serve", "--runs", str(tmp_path)])
    said = capsys.readouterr().out
    link = re.search(
        r"For you alone +(http://192\.168\.1\.5:\d+)/aecore/teacher/([\w-]{32})\n", said
    )
    assert link, said
    url, secret = link.groups()
    assert re.search(rf"For the class +{re.escape(url)}\n", said)
    assert f"or perhaps       http://10.0.0.5:{url.rsplit(':')[-1]}" in said
    assert "█▄" in said
    env = become["env"]
    assert secret not in " ".join([*become["command"], *env.values()])
    assert env[places.TEACHER_KEY_VARIABLE] == hashlib.sha256(secret.encode()).hexdigest()
    assert env[places.URL_VARIABLE] == url
    assert env[places.RUNS_VARIABLE] == str(tmp_path)
    assert f"--server.port={url.rsplit(':')[-1]}" in become["command"]


def test_a_secret_of_ones_own_and_an_address_by_name(become, capsys, monkeypatch):
    monkeypatch.setenv(serve.TEACHER_VARIABLE, "chosen-by-the-school")
    main(["serve", "--url", "https://ae.school/"])
    assert "https://ae.school/aecore/teacher/chosen-by-the-school" in capsys.readouterr().out
    assert serve.TEACHER_VARIABLE not in become["env"]
    assert become["env"][places.URL_VARIABLE] == "https://ae.school"


@pytest.mark.parametrize(
    ("arguments", "secret", "word"),
    [
        (["--url", "ae.school"], None, "--url must be an address"),
        (["--port", "0"], None, "--port must be from 1"),
        ([], "short", "16 or more letters"),
        ([], "sixteen letters/or more", "16 or more letters"),
    ],
)
def test_mistakes_are_one_sentence(arguments, secret, word, become, capsys, monkeypatch):
    if secret is not None:
        monkeypatch.setenv(serve.TEACHER_VARIABLE, secret)
    with pytest.raises(SystemExit, match="2"):
        main(["serve", *arguments])
    assert word in capsys.readouterr().err
    assert not become
