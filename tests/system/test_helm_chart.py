# SPDX-License-Identifier: Apache-2.0
"""deploy/helm/shoal, rendered with Helm's template engine: sound manifests that fit shoald."""

import base64
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml
from support.kubernetes_check import flaws
from support.paths import SHOALD, TOP

CHART = TOP / "deploy" / "helm" / "shoal"
SOURCE = TOP / "tests" / "lib" / "helm_render.go"
SERVICE_MONITOR = "ServiceMonitor"  # Of the Prometheus operator, not of Kubernetes.

EVERYTHING = {
    "replicas": 5, "etcd": {"enabled": False},
    "externalEtcd": {"endpoints": ["https://e0:2379", "https://e1:2379"], "user": "shoal",
                     "passwordSecret": "pw", "caSecret": "ca", "certSecret": "cert"},
    "zone": {"from": "nodeLabel"}, "links": {"certificates": "csi", "issuer": {"name": "links"}},
    "settings": {"open-tracker": True, "interval": 900}, "secretName": "keys",
    "service": {"type": "LoadBalancer", "annotations": {"a": "b"}}, "antiAffinity": "hard",
    "trustedProxies": ["10.0.0.0/8"], "serviceMonitor": {"enabled": True, "labels": {"a": "b"}},
    "podLabels": {"x": "y"}, "podAnnotations": {"x": "y"}, "resources": {"requests": {"cpu": "1"}},
    "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a", "operator": "Exists"}],
    "priorityClassName": "high", "imagePullSecrets": [{"name": "pull"}],
}
CASES = {"defaults": {}, "everything": EVERYTHING,
         "own authority": {"links": {"caSecret": "mine"}, "zone": {"from": "nodeLabel"},
                           "podDisruptionBudget": {"enabled": False}},
         "one zone": {"zone": {"from": "value", "value": "a"}, "antiAffinity": "none"}}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    work = tmp_path_factory.mktemp("helm")
    subprocess.run(["go", "build", "-o", work / "render", SOURCE], check=True, timeout=300,
                   env={**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
                        "GOCACHE": str(work / "cache"), "GOFLAGS": ""})
    return work / "render"


@pytest.fixture
def render(program, tmp_path):
    def make(values, code=0):
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        done = subprocess.run([program, CHART, file], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        if code:
            return done.stderr
        assert "curl" in done.stderr  # NOTES.txt
        return [one for one in yaml.safe_load_all(done.stdout) if one]
    return make


def of_kind(manifests, kind, name="shoal"):
    found = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name]
    assert len(found) == 1, (kind, name)
    return found[0]


def nodes(manifests):
    return of_kind(manifests, "StatefulSet")["spec"]["template"]["spec"]


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_would_take_it(render, case):
    manifests = render(CASES[case])
    assert len(manifests) >= 5
    assert [f for m in manifests if m["kind"] != SERVICE_MONITOR for f in flaws(m)] == []


@pytest.mark.parametrize("case", CASES)
def test_pods_mount_what_they_declare(render, case):
    pod = nodes(render(CASES[case]))
    volumes = {volume["name"] for volume in pod["volumes"]} | {"data"}
    containers = pod["containers"] + pod.get("initContainers", [])
    mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
    assert mounted == volumes
    shoald = pod["containers"][0]
    assert "authority" not in {mount["name"] for mount in shoald["volumeMounts"]}


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_a_setting(render, case):
    known = re.findall(r"--([a-z][a-z-]+)", subprocess.run(
        [SHOALD, "--help"], capture_output=True, text=True, timeout=60).stdout)
    shoald = nodes(render(CASES[case]))["containers"][0]
    named = {one["name"] for one in shoald["env"]} - {"POD_NAME"}
    assert "SHOAL_JOIN" in named
    assert sorted(named - {"SHOAL_" + f.upper().replace("-", "_") for f in known}) == []


@pytest.mark.parametrize("case", CASES)
def test_a_pod_has_time_to_leave(render, case):
    pod = nodes(render(CASES[case]))
    variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    needed = int(variables["SHOAL_LEAVE_NOTICE"]) + int(variables["SHOAL_LEAVE_TIMEOUT"]) + 10
    assert pod["terminationGracePeriodSeconds"] > needed
    assert pod["securityContext"]["runAsNonRoot"] and not pod["enableServiceLinks"]


def test_the_etcd_of_the_chart_is_the_one_that_nodes_join(render):
    manifests = render({})
    variables = {one["name"]: one.get("value") for one in nodes(manifests)["containers"][0]["env"]}
    service = of_kind(manifests, "Service", "shoal-etcd")
    port = service["spec"]["ports"][0]["port"]
    assert variables["SHOAL_JOIN"] == f"http://shoal-etcd:{port}"
    members = of_kind(manifests, "StatefulSet", "shoal-etcd")["spec"]
    assert service["spec"]["selector"] == members["template"]["metadata"]["labels"]
    assert not [m for m in render(EVERYTHING) if m["metadata"]["name"] == "shoal-etcd"]


def test_certificates_of_the_charts_authority_are_sound(render, tmp_path):
    secret = of_kind(render({}), "Secret", "shoal-link-ca")["data"]
    (tmp_path / "ca.pem").write_bytes(base64.b64decode(secret["tls.crt"]))
    (tmp_path / "ca.key").write_bytes(base64.b64decode(secret["tls.key"]))
    subprocess.run([TOP / "deploy" / "dev-certs", tmp_path, "shoal-0"], check=True, timeout=60,
                   capture_output=True)
    for purpose in ("sslserver", "sslclient"):
        subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile",
                        tmp_path / "ca.pem", tmp_path / "shoal-0.pem"], check=True, timeout=60)


@pytest.mark.parametrize("values,why", [
    ({"zone": {"from": "stars"}}, "zone.from is"),
    ({"etcd": {"enabled": False}}, "externalEtcd.endpoints"),
    ({"links": {"certificates": "csi"}}, "links.issuer.name"),
    ({"links": {"certificates": "none"}}, "links.certificates is")])
def test_what_makes_no_sense_is_refused(render, values, why):
    assert why in render(values, code=1)
