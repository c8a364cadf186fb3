"""What each key of a compose file becomes, and what is said of those that become nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from exported import container_of, exported, lost, noted, objects, pod_of, small
from tranship.deployment.kubernetes import names, quantities
from tranship.errors import ComposeFileError, SettingsError
from tranship.settings import load

pytestmark = pytest.mark.usefixtures("no_docker")


def one(folder: Path, body: dict[str, Any], **more: Any) -> Any:
    return exported(small(folder, {"api": body}, **more))


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ({"command": ["run", "-v"]}, {"args": ["run", "-v"]}),
        ({"command": "run 'a b'"}, {"args": ["run", "a b"]}),
        ({"entrypoint": ["/start"]}, {"command": ["/start"]}),
        ({"entrypoint": [], "command": ["run"]}, {"command": ["run"]}),
        # As Compose reads it, `$$` is a dollar; as Kubernetes reads it, `$$(` is `$(`.
        ({"command": ["echo", "$$(date) $$HOME"]}, {"args": ["echo", "$$(date) $$HOME"]}),
        ({"command": ["echo", "$$HOME"]}, {"args": ["echo", "$HOME"]}),
        ({"working_dir": "/app"}, {"workingDir": "/app"}),
        ({"tty": True, "stdin_open": True}, {"tty": True, "stdin": True}),
        ({"pull_policy": "always"}, {"imagePullPolicy": "Always"}),
        (
            {"user": "1000:1001"},
            {"securityContext": {"runAsUser": 1000, "runAsGroup": 1001, "runAsNonRoot": True}},
        ),
        ({"user": "0"}, {"securityContext": {"runAsUser": 0}}),
        ({"read_only": True}, {"securityContext": {"readOnlyRootFilesystem": True}}),
        (
            {"cap_drop": ["ALL"], "cap_add": ["CAP_NET_RAW"]},
            {"securityContext": {"capabilities": {"add": ["NET_RAW"], "drop": ["ALL"]}}},
        ),
        (
            {"security_opt": ["no-new-privileges"]},
            {"securityContext": {"allowPrivilegeEscalation": False}},
        ),
        (
            {"mem_limit": "512m", "cpus": 0.5},
            {"resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}},
        ),
        (
            {"deploy": {"resources": {"reservations": {"cpus": "0.25", "memory": "1g"}}}},
            {"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}},
        ),
    ],
    ids=str,
)
def test_a_key_of_the_container(tmp_path: Path, body: Any, made: dict[str, Any]) -> None:
    container = container_of(one(tmp_path / "p", body), "api")

    assert made == {key: container[key] for key in made}
    assert set(container) - set(made) <= {"name", "image", "imagePullPolicy", "args"}


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ({}, {"terminationGracePeriodSeconds": 10}),
        ({"stop_grace_period": "1m30s"}, {"terminationGracePeriodSeconds": 90}),
        ({"stop_grace_period": "500ms"}, {"terminationGracePeriodSeconds": 1}),
        ({"init": True}, {"shareProcessNamespace": True}),
        (
            {"extra_hosts": ["db=10.0.0.5"]},
            {"hostAliases": [{"ip": "10.0.0.5", "hostnames": ["db"]}]},
        ),
        (
            {"extra_hosts": ["db:fd00::5"]},
            {"hostAliases": [{"ip": "fd00::5", "hostnames": ["db"]}]},
        ),
        (
            {"group_add": [44]},
            {
                "securityContext": {
                    "supplementalGroups": [44],
                    "seccompProfile": {"type": "RuntimeDefault"},
                }
            },
        ),
        (
            {"sysctls": {"net.core.somaxconn": 1024}},
            {
                "securityContext": {
                    "seccompProfile": {"type": "RuntimeDefault"},
                    "sysctls": [{"name": "net.core.somaxconn", "value": "1024"}],
                }
            },
        ),
        (
            {"security_opt": ["seccomp:unconfined"]},
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        ),
        (
            {"tmpfs": ["/tmp:size=64m"]},
            {
                "volumes": [
                    {"name": "tmpfs-0", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
                ]
            },
        ),
        (
            {"shm_size": "128m"},
            {"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}}]},
        ),
        ({"volumes": ["/scratch"]}, {"volumes": [{"name": "scratch-0", "emptyDir": {}}]}),
    ],
    ids=str,
)
def test_a_key_of_the_pod(tmp_path: Path, body: Any, made: dict[str, Any]) -> None:
    found = one(tmp_path / "p", body)

    assert made == {key: pod_of(found, "api")[key] for key in made}
    assert [] == lost(found)


def test_a_pod_gets_nothing_that_a_container_does_not(tmp_path: Path) -> None:
    pod = pod_of(one(tmp_path / "p", {}), "api")

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


HEALTH = {
    "test": ["CMD", "ask"],
    "interval": "10s",
    "timeout": "2s",
    "retries": 4,
    "start_period": "30s",
    "start_interval": "100ms",
}
PACE = {"periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 4}
START = {"periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 34}


@pytest.mark.parametrize(
    ("health", "test", "asked"),
    [
        ({"http": "/up", "port": 80}, ["CMD", "ask"], {"httpGet": {"path": "/up", "port": 80}}),
        ({"tcp": True, "port": 80}, ["CMD", "ask"], {"tcpSocket": {"port": 80}}),
        ({"redis": True, "port": 80}, ["CMD", "ask"], {"exec": {"command": ["ask"]}}),
        (None, ["CMD-SHELL", "a | b"], {"exec": {"command": ["/bin/sh", "-c", "a | b"]}}),
        (None, "a | b", {"exec": {"command": ["/bin/sh", "-c", "a | b"]}}),
    ],
)
def test_probes_come_from_the_health_check(
    tmp_path: Path, health: Any, test: Any, asked: dict[str, Any]
) -> None:
    extension = {"x-tranship": {"health": health}} if health else {}
    body = {"expose": [80], "healthcheck": {**HEALTH, "test": test}, **extension}
    container = container_of(one(tmp_path / "p", body), "api")

    assert {**asked, **START} == container["startupProbe"]
    assert {**asked, **PACE} == container["readinessProbe"]
    # Docker starts nothing again that is only unhealthy.
    assert {"tcpSocket": {"port": 80}, **PACE} == container["livenessProbe"]


@pytest.mark.parametrize(("liveness", "key"), [("health", "exec"), ("none", None)])
def test_what_has_a_container_started_again_is_a_setting(
    tmp_path: Path, liveness: str, key: str | None
) -> None:
    folder = small(tmp_path / "p", {"api": {"expose": [80], "healthcheck": HEALTH}})
    (folder / "pyproject.toml").write_text(f'[tool.tranship.kubernetes]\nliveness = "{liveness}"\n')
    found = container_of(exported(folder), "api").get("livenessProbe")

    assert (key is None) == (found is None)
    assert key is None or key in found


def test_a_probe_with_a_secret_in_its_command_asks_the_port(tmp_path: Path) -> None:
    check = {"test": ["CMD", "ask", "--password", "geheim-probe"]}
    found = one(tmp_path / "p", {"expose": [80], "healthcheck": check})

    assert {"port": 80} == container_of(found, "api")["readinessProbe"]["tcpSocket"]
    assert "geheim-probe" not in str(found)
    assert [
        "healthcheck: its command line holds a secret, which every reader of the pod would "
        "see; port 80 is asked instead"
    ] == lost(found)


def test_no_health_check_is_no_probe_and_a_disabled_one_too(tmp_path: Path) -> None:
    for number, check in enumerate(({"disable": True}, {"test": ["NONE"]}, None)):
        body = {"expose": [80], **({"healthcheck": check} if check else {})}
        container = container_of(one(tmp_path / str(number), body), "api")
        assert [] == [key for key in container if key.endswith("Probe")]


def test_a_secret_argument_that_no_variable_has_gets_one_of_its_own(tmp_path: Path) -> None:
    found = one(tmp_path / "p", {"command": ["run", "--token", "geheim-1", "--password=geheim-2"]})
    container = container_of(found, "api")

    assert ["run", "--token", "$(SECRET_ARGUMENT_1)", "$(SECRET_ARGUMENT_2)"] == container["args"]
    assert ["api-arguments"] * 2 == [
        item["valueFrom"]["secretKeyRef"]["name"] for item in container["env"]
    ]
    (secret,) = found.secrets
    assert {"SECRET_ARGUMENT_1": "geheim-1", "SECRET_ARGUMENT_2": "--password=geheim-2"} == secret[
        "stringData"
    ]


@pytest.mark.parametrize(
    ("body", "job"),
    [
        ({"restart": "no"}, ("Never", 0)),
        ({"restart": "on-failure:3"}, ("OnFailure", 3)),
        ({"restart": "on-failure"}, ("OnFailure", 6)),
    ],
)
def test_what_ends_is_a_job(tmp_path: Path, body: Any, job: tuple[str, int]) -> None:
    folder = small(tmp_path / "p", {"api": {**body, "x-tranship": {"oneshot": True}}})
    made = objects(exported(folder))
    spec = made["Job", "api"]["spec"]

    assert job == (spec["template"]["spec"]["restartPolicy"], spec["backoffLimit"])
    assert ("Service", "api") not in made


def test_what_waits_for_a_job_is_said_to_start_at_once(tmp_path: Path) -> None:
    folder = small(
        tmp_path / "p",
        {
            "api": {"depends_on": {"migrate": {"condition": "service_completed_successfully"}}},
            "migrate": {},
        },
    )
    found = exported(folder)

    assert ("Job", "migrate") in objects(found)
    assert [
        "depends_on migrate: pods do not wait for a Job; run it before, with `kubectl wait "
        "--for=condition=complete job/migrate`"
    ] == lost(found)


def test_pods_wait_where_there_is_an_image_to_wait_in(tmp_path: Path) -> None:
    folder = small(
        tmp_path / "p",
        {
            "api": {"depends_on": {"db": {"condition": "service_healthy"}}},
            "db": {"expose": [5432], "healthcheck": {"test": ["CMD", "ask"]}},
        },
    )
    assert any("wait-image" in line for line in noted(exported(folder)))
    (folder / "pyproject.toml").write_text(
        '[tool.tranship.kubernetes]\nwait-image = "busybox:1.37"\n'
    )

    found = exported(folder)

    (wait,) = pod_of(found, "api")["initContainers"]
    assert ("wait-for-db", "busybox:1.37") == (wait["name"], wait["image"])
    assert "until nc -z -w 2 db 5432; do sleep 1; done" == wait["command"][-1]
    assert not any("depends_on" in line for line in noted(found))
    # Whom it waits for, it may reach.
    (rule,) = objects(found)["NetworkPolicy", "db"]["spec"]["ingress"]
    assert "api" == rule["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]


def test_a_volume_of_several_services_is_claimed_once_and_replaced_not_rolled(
    tmp_path: Path,
) -> None:
    folder = small(
        tmp_path / "p",
        {
            "api": {"volumes": ["Up_loads:/srv"], "deploy": {"replicas": 3}},
            "web": {"volumes": ["Up_loads:/srv:ro"]},
        },
        volumes={"Up_loads": {}},
    )
    (folder / "pyproject.toml").write_text(
        '[tool.tranship.kubernetes]\nstorage-class = "fast"\nvolume-size = "2Gi"\n'
        '[tool.tranship.kubernetes.volume-sizes]\nUp_loads = "20Gi"\n'
    )
    found = exported(folder)
    made = objects(found)
    spec = made["PersistentVolumeClaim", "up-loads"]["spec"]

    assert ("fast", "20Gi") == (spec["storageClassName"], spec["resources"]["requests"]["storage"])
    assert ["volumes"] == [
        group
        for group, items in found.objects.items()
        if any(item["kind"] == "PersistentVolumeClaim" for item in items)
    ]
    deployment = made["Deployment", "api"]["spec"]
    assert ({"type": "Recreate"}, 1) == (deployment["strategy"], deployment["replicas"])
    assert ["deploy.replicas 3: one, since it writes Up_loads"] == lost(found)
    assert container_of(found, "web")["volumeMounts"][0]["readOnly"] is True


def test_volumes_that_are_there_already_or_have_a_driver(tmp_path: Path) -> None:
    mounts = [
        {"type": "volume", "source": "old", "target": "/old", "volume": {"subpath": "in"}},
        "nfs:/nfs",
        "plain:/plain",
    ]
    found = one(
        tmp_path / "p",
        {"volumes": mounts},
        volumes={"old": {"external": True}, "nfs": {"driver_opts": {"type": "nfs"}}, "plain": {}},
    )

    claims = {name for kind, name in objects(found) if kind == "PersistentVolumeClaim"}
    assert {"nfs", "plain"} == claims
    mount = container_of(found, "api")["volumeMounts"][0]
    assert {"name": "old", "mountPath": "/old", "subPath": "in"} == mount
    assert ["volume nfs: its driver; name a class with storage-class"] == lost(found)
    assert ["volume old: external; the claim 'old' has to be there"] == noted(found)


def test_replicas_get_a_budget_and_roll_as_they_are_told_to(tmp_path: Path) -> None:
    update = {"parallelism": 2, "order": "stop-first"}
    folder = small(
        tmp_path / "p", {"api": {"deploy": {"replicas": 4, "update_config": update}}, "web": {}}
    )
    made = objects(exported(folder))

    assert 4 == made["Deployment", "api"]["spec"]["replicas"]
    assert {"maxSurge": 0, "maxUnavailable": 2} == made["Deployment", "api"]["spec"]["strategy"][
        "rollingUpdate"
    ]
    assert {"maxSurge": 1, "maxUnavailable": 0} == made["Deployment", "web"]["spec"]["strategy"][
        "rollingUpdate"
    ]
    assert 1 == made["PodDisruptionBudget", "api"]["spec"]["maxUnavailable"]
    assert ("PodDisruptionBudget", "web") not in made


LIMITED = {"deploy": {"resources": {"limits": {"cpus": "1"}}}}


def scaled(folder: Path, table: str, body: Any, name: str = "my-api") -> Path:
    small(folder, {"my-api": body}, volumes={"data": {}})
    (folder / "pyproject.toml").write_text(
        f"[tool.tranship.kubernetes.autoscale.{name}]\n{table}\n"
    )
    return folder


def test_an_autoscaler_takes_the_replicas_over(tmp_path: Path) -> None:
    made = objects(exported(scaled(tmp_path / "p", "min = 2\nmax = 6\ncpu = 70", LIMITED)))
    spec = made["HorizontalPodAutoscaler", "my-api"]["spec"]

    assert (2, 6) == (spec["minReplicas"], spec["maxReplicas"])
    assert {"kind": "Deployment", "name": "my-api", "apiVersion": "apps/v1"} == spec[
        "scaleTargetRef"
    ]
    assert [70] == [item["resource"]["target"]["averageUtilization"] for item in spec["metrics"]]
    assert "replicas" not in made["Deployment", "my-api"]["spec"]
    assert ("PodDisruptionBudget", "my-api") in made


@pytest.mark.parametrize(
    ("table", "body", "name", "said"),
    [
        ("max = 3\ncpu = 70", LIMITED, "my-apy", r"no such service \(did you mean 'my-api'\?\)"),
        ("max = 3\ncpu = 70", {}, "my-api", "requests none"),
        ("max = 3\nmemory = 70", LIMITED, "my-api", "memory is a share of what is requested"),
        ("max = 3", LIMITED, "my-api", "give it a target, cpu or memory"),
        ("min = 4\nmax = 3\ncpu = 70", LIMITED, "my-api", "min is 4 and max is 3"),
        ("max = 3\ncpu = 0", LIMITED, "my-api", "cpu is 0; percent"),
        ("max = 3\ncpu = 70", {**LIMITED, "volumes": ["data:/d"]}, "my-api", "writes data"),
        ("max = 3\ncpus = 70", LIMITED, "my-api", r'autoscale.my-api\] has an unknown key "cpus"'),
        ("cpu = 70", LIMITED, "my-api", r'autoscale.my-api\] "max"'),
    ],
)
def test_an_autoscaler_that_cannot_be_meant(
    tmp_path: Path, table: str, body: Any, name: str, said: str
) -> None:
    folder = scaled(tmp_path / "p", table, body, name)

    with pytest.raises(SettingsError, match=said):
        exported(folder)


def test_a_service_without_ports_still_has_its_name(tmp_path: Path) -> None:
    folder = small(
        tmp_path / "p",
        {
            "api": {"environment": {"QUEUE": "amqp://worker:5672/"}},
            "worker": {},
            "silent": {"networks": {"default": {"aliases": ["old-name"]}}},
        },
    )
    made = objects(exported(folder))

    # What others dial is a port even where nobody declared it.
    assert [5672] == [port["port"] for port in made["Service", "worker"]["spec"]["ports"]]
    for name in ("silent", "old-name"):
        spec = made["Service", name]["spec"]
        assert "None" == spec["clusterIP"]
        assert "ports" not in spec
        assert "silent" == spec["selector"]["app.kubernetes.io/name"]


def test_services_of_different_networks_do_not_meet(tmp_path: Path) -> None:
    dial = {"environment": {"DB": "http://db:80"}}
    folder = small(
        tmp_path / "p",
        {
            "api": {**dial, "networks": ["front", "back"]},
            "web": {**dial, "networks": ["front"]},
            "db": {"expose": [80], "networks": ["back"]},
        },
        networks={"front": {}, "back": {"internal": True}},
    )
    made = objects(exported(folder))
    specs = {name: item["spec"] for (kind, name), item in made.items() if kind == "NetworkPolicy"}

    (rule,) = specs["db"]["ingress"]
    assert ["api"] == [
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]
    ]
    # Nothing but the DNS is left to one whose networks are all internal.
    assert ["ports"] == [key for it in specs["db"]["egress"] for key in it if key != "to"]
    assert "0.0.0.0/0" in str(specs["web"]["egress"])
    assert "0.0.0.0/0" not in str(specs["db"]["egress"])


def test_a_port_of_the_hosts_loopback_is_open_to_nobody(tmp_path: Path) -> None:
    folder = small(
        tmp_path / "p",
        {"api": {"ports": ["127.0.0.1:80:80"]}, "web": {"ports": ["8080:80", "5353:53/udp"]}},
    )
    made = objects(exported(folder))

    assert [] == made["NetworkPolicy", "api"]["spec"]["ingress"]
    assert [{"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 80}]}] == made[
        "NetworkPolicy", "web"
    ]["spec"]["ingress"]


def test_an_ingress_leads_to_the_one_that_publishes(tmp_path: Path) -> None:
    folder = small(tmp_path / "p", {"web": {"ports": ["80:8080"]}, "api": {"expose": [1]}})
    (rule,) = objects(exported(folder, host="shop.test"))["Ingress", "web"]["spec"]["rules"]

    assert "shop.test" == rule["host"]
    (path,) = rule["http"]["paths"]
    assert {"name": "web", "port": {"number": 8080}} == path["backend"]["service"]
    small(folder, {"web": {"ports": ["80:8080"]}, "api": {"ports": ["81:1"]}})
    several = exported(folder, host="shop.test")
    assert ("Ingress", "web") not in objects(several)
    assert any("2 services publish ports" in line for line in lost(several))


LOST = [
    ({"network_mode": "host"}, "network_mode host"),
    ({"privileged": True}, "privileged"),
    ({"pid": "host"}, "pid host"),
    ({"devices": ["/dev/kvm"]}, "devices"),
    ({"links": ["db"]}, "links"),
    ({"ulimits": {"nofile": 1}}, "ulimits"),
    ({"user": "app"}, "user app"),
    ({"user": "1000:app"}, "user 1000:app"),
    ({"group_add": ["video"]}, "group_add video"),
    ({"stop_signal": "SIGQUIT"}, "stop_signal SIGQUIT"),
    ({"security_opt": ["apparmor=x"]}, "security_opt apparmor=x"),
    ({"extra_hosts": ["h=host-gateway"]}, "extra_hosts h"),
    ({"volumes": ["/var/run/docker.sock:/s"]}, "a path of one host"),
    ({"volumes": ["./gone:/s:ro"]}, "no such file here"),
    ({"volumes": ["./compose.yaml:/s"]}, "mounted to be written"),
    ({"volumes": ["./:/s:ro", "./nested:/t:ro"]}, "a folder with folders in it"),
    ({"deploy": {"placement": {"constraints": ["node.role == manager"]}}}, "deploy.placement"),
    ({"deploy": {"mode": "global"}}, "deploy.mode global"),
    ({"deploy": {"resources": {"limits": {"pids": 5}}}}, "deploy.resources.limits.pids"),
    ({"build": {"context": "."}}, "is built here and in no registry"),
    ({"configs": ["gone"]}, "config gone: not declared"),
    ({"labels": {"traefik.enable": "true"}}, "labels"),
    ({"platform": "linux/arm64"}, "platform"),
    ({"cpu_shares": 5}, "cpu_shares: not carried over"),
    ({"some_key_of_tomorrow": 1}, "some_key_of_tomorrow: not carried over"),
]


@pytest.mark.parametrize(("body", "said"), LOST, ids=[said for _, said in LOST])
def test_what_kubernetes_cannot_express_is_said(tmp_path: Path, body: Any, said: str) -> None:
    folder = tmp_path / "p"
    (folder / "nested/deeper").mkdir(parents=True)
    found = one(folder, body)

    assert [said] == [said for line in lost(found) if said in line][:1], lost(found)
    assert noted(found) == [] or "tag" in noted(found)[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"container_name": "one"}, "container_name"),
        ({"hostname": "one"}, "hostname"),
        ({"restart": "no", "logging": {"driver": "none"}}, "logging"),
        ({"restart": "on-failure:3"}, "restart on-failure:3"),
        ({"ports": ["80:80"]}, "port 80: published by Compose"),
    ],
)
def test_what_is_anothers_matter_is_noted_and_not_lost(
    tmp_path: Path, body: Any, said: str
) -> None:
    found = one(tmp_path / "p", body)

    assert any(said in line for line in noted(found))
    assert [] == lost(found)


def test_files_go_into_config_maps_and_private_ones_into_secrets(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d/a.conf").write_text("one\n")
    (folder / "conf.d/b.bin").write_bytes(b"\xff\x00")
    (folder / "users.txt").write_text("app:geheim-file\n")
    (folder / "nginx.conf").write_text("resolver 127.0.0.11;\n")
    (folder / "key.pem").write_text("geheim-key\n")
    small(
        folder,
        {
            "api": {
                "environment": {"API_TOKEN": "geheim-file"},
                "volumes": [
                    "./conf.d:/etc/conf.d:ro",
                    "./users.txt:/etc/users:ro",
                    "./nginx.conf:/etc/nginx.conf:ro",
                ],
                "configs": [{"source": "site", "target": "/etc/site.ini", "mode": 0o440}],
                "secrets": ["key", "outside"],
            }
        },
        configs={"site": {"content": "a = 1\n"}},
        secrets={"key": {"file": "./key.pem"}, "outside": {"external": True}},
    )
    found = exported(folder)
    made = objects(found)
    mounts = {item["mountPath"]: item for item in container_of(found, "api")["volumeMounts"]}
    volumes = {item["name"]: item for item in pod_of(found, "api")["volumes"]}

    assert {"a.conf": "one\n"} == made["ConfigMap", "api-conf-d"]["data"]
    assert {"b.bin": "/wA="} == made["ConfigMap", "api-conf-d"]["binaryData"]
    assert "subPath" not in mounts["/etc/conf.d"]
    assert {"users.txt": "app:geheim-file\n"} == made["Secret", "api-users-txt"]["stringData"]
    assert "users.txt" == mounts["/etc/users"]["subPath"]
    assert {"site.ini": "a = 1\n"} == made["ConfigMap", "api-config-site"]["data"]
    assert 0o440 == volumes["api-config-site"]["configMap"]["defaultMode"]
    assert {"key": "geheim-key\n"} == made["Secret", "api-secret-key"]["stringData"]
    assert "key" == mounts["/run/secrets/key"]["subPath"]
    assert "outside" == volumes["outside"]["secret"]["secretName"]
    assert any("make a Secret 'outside' with the key 'outside'" in it for it in noted(found))
    assert ["nginx.conf: names 127.0.0.11, Docker's DNS; the cluster has another"] == lost(found)


def test_a_secret_of_composes_own_variables(tmp_path: Path) -> None:
    folder = small(
        tmp_path / "p",
        {"api": {"secrets": ["key", "gone", "lost"]}},
        secrets={
            "key": {"environment": "APP_KEY"},
            "gone": {"environment": "NO_KEY"},
            "lost": {"file": "./lost.txt"},
        },
    )
    (folder / ".env").write_text("APP_KEY=geheim-dotenv\n")
    found = exported(folder)

    assert {"key": "geheim-dotenv"} == objects(found)["Secret", "api-secret-key"]["stringData"]
    assert [
        "secret gone: the variable NO_KEY has no value here; make a Secret 'gone' with the key "
        "'gone'",
        "secret lost: lost.txt: No such file or directory; make a Secret 'lost' with the key "
        "'lost'",
    ] == lost(found)
    assert ["api-secret-key", "gone", "lost"] == [
        item["secret"]["secretName"] for item in pod_of(found, "api")["volumes"]
    ]


def test_a_file_that_no_config_map_holds(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "big.bin").write_bytes(b"x" * (1024 * 1024 + 1))
    found = one(folder, {"volumes": ["./big.bin:/big:ro"]})

    assert ["big.bin: larger than 1 MiB; put it into the image, or on a volume"] == lost(found)
    assert "volumeMounts" not in container_of(found, "api")


def test_a_volume_of_a_user_belongs_to_the_users_group(tmp_path: Path) -> None:
    body = {"volumes": ["data:/data"], "user": "70:71"}
    pod = pod_of(one(tmp_path / "p", body, volumes={"data": {}}), "api")

    assert 71 == pod["securityContext"]["fsGroup"]


@pytest.mark.parametrize(
    ("options", "image", "complaints"),
    [
        ({}, "small-own:latest", 2),
        ({"registry": "registry:5000/shop/"}, "registry:5000/shop/small-own:latest", 1),
        ({"registry": "registry:5000", "tag": "2"}, "registry:5000/small-own:2", 0),
    ],
)
def test_only_the_projects_own_images_move(
    tmp_path: Path, options: dict[str, str], image: str, complaints: int
) -> None:
    folder = small(
        tmp_path / "p",
        {
            "own": {"build": {"context": "."}},
            "named": {"image": "old.test/team/named:7", "build": {"context": "."}},
            "other": {"image": "postgres:17"},
        },
    )
    found = exported(folder, **options)

    assert image == container_of(found, "own")["image"]
    assert "postgres:17" == container_of(found, "other")["image"]
    named = container_of(found, "named")["image"]
    registry = options.get("registry", "").rstrip("/") or "old.test"
    assert f"{registry}/team/named:{options.get('tag', '7')}" == named
    assert complaints == len([it for it in found.findings if it.service == "own"])


@pytest.mark.parametrize("name", ["data_service", "Api", "9api", "a" * 64])
def test_a_name_that_is_no_address_is_refused_with_another(tmp_path: Path, name: str) -> None:
    folder = small(tmp_path / "p", {name: {"image": "x"}})

    with pytest.raises(ComposeFileError, match=r"Rename it to '[a-z][a-z0-9-]{0,62}'"):
        exported(folder)


def test_names_that_become_one_and_variables_that_are_none_are_refused(tmp_path: Path) -> None:
    two = small(
        tmp_path / "two", {"api": {"volumes": ["a_b:/1", "a-b:/2"]}}, volumes={"a_b": {}, "a-b": {}}
    )
    with pytest.raises(ComposeFileError, match=r"are both 'a-b' in Kubernetes"):
        exported(two)
    odd = small(tmp_path / "odd", {"api": {"environment": {"9LIVES": "x"}}})
    with pytest.raises(ComposeFileError, match=r"services\.api: '9LIVES' cannot be a variable"):
        exported(odd)
    alias = small(
        tmp_path / "alias", {"api": {"networks": {"default": {"aliases": ["web"]}}}, "web": {}}
    )
    with pytest.raises(ComposeFileError, match=r"the alias 'web' is another service's name"):
        exported(alias)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "pyproject.toml").write_text("[tool.tranship]\n")
    (bare / "compose.yaml").write_text("services: {api: {command: run}}\n")
    with pytest.raises(ComposeFileError, match=r"services\.api: has neither `image:` nor"):
        exported(bare)


@pytest.mark.parametrize(
    "body",
    [
        {"mem_limit": "much"},
        {"cpus": "many"},
        {"deploy": {"replicas": "some"}},
        {"secrets": [{"target": "x"}]},
        {"healthcheck": {"test": ["CMD", "x"], "retries": "often"}},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_names_its_service(tmp_path: Path, body: Any) -> None:
    with pytest.raises(ComposeFileError, match=r"^services\.api: "):
        one(tmp_path / "p", body)


def test_sizes_and_names_of_the_settings(tmp_path: Path) -> None:
    folder = small(tmp_path / "p", {"api": {}})
    (folder / "pyproject.toml").write_text('[tool.tranship.kubernetes]\nvolume-size = "big"\n')
    with pytest.raises(SettingsError, match=r"'big' is no size. Write it like 10Gi"):
        exported(folder)
    (folder / "pyproject.toml").write_text('[tool.tranship.kubernetes]\nlivenes = "tcp"\n')
    with pytest.raises(SettingsError, match=r"did you mean 'liveness'"):
        load(folder)
    (folder / "pyproject.toml").write_text("[tool.tranship.kubernetes]\nautoscale = 3\n")
    with pytest.raises(
        SettingsError, match=r'\[tool.tranship.kubernetes\] "autoscale": must be a t'
    ):
        load(folder)
    # The names of services and volumes stay as they are, also where they are words of ours.
    (folder / "pyproject.toml").write_text(
        "[tool.tranship.kubernetes]\nvolume-sizes = {my-data = '1Gi'}\n"
        "[tool.tranship.kubernetes.autoscale.my-gates]\nmax = 2\ncpu = 50\n"
        "[tool.tranship.kubernetes.autoscale.gates]\nmax = 3\ncpu = 50\n"
    )
    found = load(folder).kubernetes
    assert {"my-data": "1Gi"} == found.volume_sizes
    assert {"my-gates": 2, "gates": 3} == {name: it.max for name, it in found.autoscale.items()}


@pytest.mark.parametrize(
    ("written", "count", "shown"),
    [
        ("512m", 536870912, "512Mi"),
        ("1gb", 1073741824, "1Gi"),
        ("1.5k", 1536, "1536"),
        ("268435456", 268435456, "256Mi"),
        (1000, 1000, "1000"),
    ],
)
def test_bytes(written: object, count: int, shown: str) -> None:
    assert count == quantities.bytes_of(written)
    assert shown == quantities.memory(count)


def test_what_is_no_number_of_bytes_or_cpus() -> None:
    assert quantities.bytes_of("much") is None
    assert [None, None, None, "1m", "2", "1500m"] == [
        quantities.cpus(it) for it in ("many", "nan", "0", "0.0001", 2, "1.5")
    ]


def test_object_names_are_names() -> None:
    assert ["up-loads", "n-9a", "n", "a" * 63] == [
        names.object_name(it) for it in ("Up_loads", "9a", "__", "a" * 70)
    ]
