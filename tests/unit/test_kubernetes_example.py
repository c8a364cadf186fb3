"""The example stack in production, as Kubernetes gets it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from exported import SECRETS, Objects, container_of, example, exported, objects, project_of
from tranship.deployment.kubernetes import layouts, validation
from tranship.deployment.kubernetes.cluster import cluster_of
from tranship.deployment.kubernetes.export import Exported, export
from tranship.deployment.kubernetes.options import Options, options_of
from tranship.errors import UsageError
from tranship.settings import AutoscaleSettings, KubernetesSettings

BROKEN = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
spec:
  replicas: many
"""
SERVICES = {
    "data-service": 8000,
    "executor-service": 8002,
    "frontend": 3000,
    "nginx": 80,
    "postgres": 5432,
    "redis": 6379,
    "risk-service": 8001,
    "strategy-service": 8003,
}
VERSIONS = ("1.25", "1.30", "1.34", "1.37")


@pytest.fixture
def folder(tmp_path: Path, no_docker: None) -> Path:
    return example(tmp_path / "athena")


@pytest.fixture
def found(folder: Path) -> Exported:
    return exported(folder, "production", registry="registry:5000/shop", tag="1.4")


def test_each_service_is_dialled_as_in_docker(found: Exported) -> None:
    services = {
        name: [port["port"] for port in item["spec"]["ports"]]
        for (kind, name), item in objects(found).items()
        if kind == "Service"
    }

    assert {name: [port] for name, port in SERVICES.items()} == services
    for (kind, _), item in objects(found).items():
        if kind == "Service":
            assert all(port["port"] == port["targetPort"] for port in item["spec"]["ports"])


def test_what_keeps_a_volume_is_a_stateful_set_of_one(found: Exported) -> None:
    made = objects(found)
    stateful = {name for kind, name in made if kind == "StatefulSet"}

    assert {"postgres", "redis"} == stateful
    assert set(SERVICES) - stateful == {name for kind, name in made if kind == "Deployment"}
    for name in stateful:
        spec = made["StatefulSet", name]["spec"]
        volumes = spec["template"]["spec"]["volumes"]
        (claim,) = (
            volume["persistentVolumeClaim"]["claimName"]
            for volume in volumes
            if "persistentVolumeClaim" in volume
        )
        assert (1, name) == (spec["replicas"], spec["serviceName"])
        assert (
            "1Gi"
            == made["PersistentVolumeClaim", claim]["spec"]["resources"]["requests"]["storage"]
        )
        assert "None" == made["Service", name]["spec"]["clusterIP"]


def test_the_variables_are_those_of_docker_mode(folder: Path, found: Exported) -> None:
    project = project_of(folder, "production")
    cluster = cluster_of(project)
    made = objects(found)
    document = project.document_for(*_docker(project))
    for name in SERVICES:
        assert cluster.environments[name].given == {}
        got: dict[str, str] = {}
        for source in container_of(found, name).get("envFrom", []):
            for kind, field in (("configMapRef", "data"), ("secretRef", "stringData")):
                if kind in source:
                    object_kind = "ConfigMap" if kind == "configMapRef" else "Secret"
                    got |= made[object_kind, source[kind]["name"]][field]
        variables = document["services"][name]["environment"]
        kept = {item["metadata"]["name"]: item["stringData"] for item in found.secrets}
        held = {
            mount["mountPath"]: kept[mount["name"]][mount["subPath"]]
            for mount in container_of(found, name).get("volumeMounts", [])
            if mount["mountPath"].startswith("/run/secrets/")
        }
        # A secret that is read from a file is no variable: its value is that file's.
        read = {key.removesuffix("_FILE"): held[got[key]] for key in got if got[key] in held}
        assert variables == got | read, name
        assert set() == set(read) & set(got), name


def _docker(project: Any) -> Any:
    from tranship.envmap.show import placement_of
    from tranship.stack.placement import declared_ports

    return placement_of("docker", project.stack), declared_ports(project.stack)


def test_no_secret_stands_outside_of_the_secrets(found: Exported) -> None:
    for items in found.objects.values():
        for item in items:
            assert [] == [secret for secret in SECRETS if secret in str(item)]
    held = str(found.secrets)
    assert [] == [secret for secret in SECRETS if secret not in held]
    assert {
        **{
            f"{service}-secret-{kind}": {kind}
            for service in ("data-service", "executor-service", "risk-service")
            for kind in ("database-url", "redis-url")
        },
        "executor-service-env": {"EXIT_TOKEN"},
        "postgres-secret-postgres-password": {"postgres-password"},
        "redis-env": {"REDISCLI_AUTH"},
    } == {item["metadata"]["name"]: set(item["stringData"]) for item in found.secrets}


def test_a_password_of_the_command_line_comes_from_the_containers_own_variable(
    found: Exported,
) -> None:
    assert ["--requirepass", "$(REDISCLI_AUTH)"] == container_of(found, "redis")["args"][-2:]


def test_a_container_may_do_what_it_may_in_docker(found: Exported) -> None:
    body = container_of(found, "data-service")

    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == body["securityContext"]
    assert {"limits": {"cpu": "1", "memory": "256Mi"}} == body["resources"]
    assert "registry:5000/shop/athena-services:1.4" == body["image"]
    assert {"limits": {"cpu": "2", "memory": "1Gi"}} == container_of(found, "postgres")["resources"]
    assert "postgres:17" == container_of(found, "postgres")["image"]


def test_the_proxys_template_is_a_config_map(found: Exported) -> None:
    where = "/etc/nginx/templates/default.conf.template"
    mounts = container_of(found, "nginx")["volumeMounts"]
    (mount,) = (mount for mount in mounts if where == mount["mountPath"])

    held = objects(found)["ConfigMap", "nginx-default-conf-template"]["data"]
    assert "proxy_pass http://${FRONTEND_ADDRESS};" in held[mount["subPath"]]


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector["matchLabels"].items() <= labels.items()


def may_reach(made: Objects, source: str, target: str, port: int) -> bool:
    """Whether pods of `source` reach pods of `target`, by the policies of both.

    Source: Kubernetes, "Network Policies": a connection needs the egress rules of the one and
    the ingress rules of the other, each allowing what any of its entries matches.
    """
    labels = {
        name: made[kind, name]["spec"]["template"]["metadata"]["labels"]
        for kind, name in made
        if kind in {"Deployment", "StatefulSet"}
    }

    def allowed(pods: str, direction: str, side: str, other: str) -> bool:
        policies = [
            item["spec"]
            for (kind, _), item in made.items()
            if kind == "NetworkPolicy" and matches(item["spec"]["podSelector"], labels[pods])
        ]
        assert policies
        for spec in policies:
            for rule in spec[direction]:
                peers = rule.get(side)
                at = rule.get("ports")
                if (
                    peers is None
                    or any(
                        "podSelector" in peer and matches(peer["podSelector"], labels[other])
                        for peer in peers
                    )
                ) and (at is None or any(entry["port"] == port for entry in at)):
                    return True
        return False

    return allowed(source, "egress", "to", target) and allowed(target, "ingress", "from", source)


def test_who_reaches_whom_is_who_names_whom(folder: Path) -> None:
    project = project_of(folder, "production")
    made = objects(export(cluster_of(project), Options(egress=())))

    reached = {
        (source, target)
        for source in SERVICES
        for target, port in SERVICES.items()
        if source != target and may_reach(made, source, target, port)
    }

    assert {
        (source, target)
        for source in SERVICES
        for target in project.envmap.references(source)
        if target != source
    } == reached
    assert len(reached) == 15
    assert not may_reach(made, "frontend", "data-service", 22)


def test_only_the_proxy_is_open_to_all_and_all_may_ask_the_dns(found: Exported) -> None:
    specs = {n: item["spec"] for (k, n), item in objects(found).items() if k == "NetworkPolicy"}
    opened = {
        name for name, spec in specs.items() if any("from" not in it for it in spec["ingress"])
    }

    assert {"nginx"} == opened
    for spec in specs.values():
        assert {
            "to": [{"namespaceSelector": {}}],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        } in spec["egress"]


def test_every_object_is_valid_in_several_versions(folder: Path) -> None:
    project = project_of(folder, "production")
    own = KubernetesSettings(
        wait_image="busybox:1.37", autoscale={"frontend": AutoscaleSettings(max=4, cpu=70)}
    )
    full = export(cluster_of(project), options_of(own, host="athena.test"))
    kinds = {item["kind"] for item in full.manifests}

    assert validation.validate(full.manifests, VERSIONS) == len(full.manifests) > 35
    assert {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Secret",
        "Service",
        "StatefulSet",
    } == kinds


def test_the_validation_sees_an_unknown_key_and_shows_no_value() -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"A": {"geheim": 1}},
    }

    with pytest.raises(Exception, match=r"Secret s, Kubernetes 1\.37: stringData\.A") as caught:
        validation.validate([manifest, {**manifest, "bogus": "geheim"}], ["1.37"])

    assert "geheim" not in str(caught.value)
    assert 3 == len(str(caught.value).splitlines())


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl here")
def test_kubectl_renders_the_overlays_to_the_plain_objects(folder: Path, tmp_path: Path) -> None:
    import subprocess

    environments = {name: exported(folder, name) for name in ("production", "test")}
    files = layouts.files(environments, "kustomize", "write")
    program = _kubectl()
    assert validation.try_with_kubectl(program, files) == [
        "renders 2 overlays",
        "decodes every object",
    ]
    for text, said in (
        (BROKEN, "spec.replicas of type int32"),
        (BROKEN.replace("Deployment", "Deploymnt"), 'no kind "Deploymnt" is registered'),
        ("kind: {\n", "error parsing"),
    ):
        with pytest.raises(UsageError, match=f"refuses the manifests.*{re.escape(said)}"):
            validation.try_with_kubectl(program, {PurePosixPath("a.yaml"): text})
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    for name, each in environments.items():
        done = subprocess.run(
            [program, "kustomize", str(tmp_path / "overlays" / name)],
            capture_output=True,
            text=True,
            check=True,
        )
        rendered = {
            (item["kind"], item["metadata"]["name"]): item
            for item in yaml.safe_load_all(done.stdout)
        }
        assert objects(each) == rendered


def _kubectl() -> str:
    # Read before a fixture takes PATH away.
    assert KUBECTL is not None
    return KUBECTL


KUBECTL = shutil.which("kubectl")
