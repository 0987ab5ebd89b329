"""What stands in deploy/ refers to what there is; nothing here can build or run it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")  # Dask needs it
HOME = Path(__file__).resolve().parents[1]
DEPLOY = HOME / "deploy"
SERVERS = re.findall(r"server (\w+):(\d+)", (DEPLOY / "nginx.conf").read_text())


def test_compose_has_what_nginx_names():
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert {name for name, _ in SERVERS} <= services.keys()
    for service in services.values():
        assert set(service.get("depends_on", ())) <= services.keys()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source == "data" or (DEPLOY / source).exists()
    cluster = services["app1"]["environment"]["AECORE_CLUSTER"]
    assert services["worker"]["command"] == ["aecore", "worker", cluster]
    assert f"//{'scheduler'}:" in cluster
    assert services["scheduler"]["command"][-1] == cluster.rsplit(":", 1)[1]


def test_kubernetes_services_find_their_pods():
    found = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    pods = [d["spec"]["template"]["metadata"]["labels"] for d in found if "template" in d["spec"]]
    services = {d["metadata"]["name"]: d["spec"] for d in found if d["kind"] == "Service"}
    stateful = next(d for d in found if d["kind"] == "StatefulSet")
    name, replicas = stateful["metadata"]["name"], stateful["spec"]["replicas"]
    pods += [{"statefulset.kubernetes.io/pod-name": f"{name}-{i}"} for i in range(replicas)]
    assert {name for name, _ in SERVERS} <= services.keys()
    for service in services.values():
        assert any(service["selector"].items() <= pod.items() for pod in pods)
    assert stateful["spec"]["serviceName"] in services
    assert all(str(services[n]["ports"][0]["port"]) == port for n, port in SERVERS)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_reads_its_settings(tmp_path):
    text = (DEPLOY / "nginx.conf").read_text()
    for number, (name, _) in enumerate(SERVERS):
        text = text.replace(f"server {name}:", f"server 127.0.1.{number + 1}:")
    (tmp_path / "nginx.conf").write_text(text.replace("/tmp/nginx", str(tmp_path / "nginx")))
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
