from __future__ import annotations

from pathlib import Path

import pytest
from lintedproject import Linted, compose, one
from tranship.stack.placement import Ports


@pytest.fixture
def project(tmp_path: Path) -> Linted:
    return Linted(tmp_path)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        # An address of the stack: an error.
        ({"DB_URL": "postgresql://u@localhost:5432/x"}, "error"),
        ({"DB_URL": "postgresql://u@127.0.0.1/x"}, "error"),
        ({"DB_URL": "postgresql://u@[::1]:5432/x"}, "error"),
        ({"DB_URL": "postgresql://u@localhost:15432/x"}, "error"),
        ({"CACHE": "localhost:6379"}, "error"),
        ({"REDIS_HOST": "localhost", "REDIS_PORT": "6379"}, "error"),
        ({"REDIS_HOST": "localhost"}, "error"),
        ({"PGHOST": "localhost"}, "error"),
        ({"DB_DSN": "host=127.0.0.1 port=5432 user=u"}, "error"),
        ({"CONFIG": '{"cache": {"host": "localhost", "port": 6379}}'}, "error"),
        ({"PEERS": "redis:6379,localhost:5432"}, "error"),
        ({"DB_ADDR": "localhost:5432"}, "error"),
        # Nothing of the stack is there: something in the same container may be.
        ({"SMTP_URL": "smtp://localhost:2525"}, "warning"),
        ({"MAIL_HOST": "localhost"}, "warning"),
        ({"API_BASE_URL": "http://localhost:9999"}, "warning"),
        # Right as they are.
        ({"DB_URL": "postgresql://u@postgres:5432/x"}, None),
        ({"SELF_URL": "http://localhost:8000"}, None),
        ({"METRICS_ADDR": "127.0.0.1:9090"}, None),
        ({"HEALTHCHECK_URL": "http://localhost:6379/health"}, None),
        ({"ALLOWED_HOSTS": "localhost,127.0.0.1"}, None),
        ({"CORS_ORIGINS": "http://localhost:15432"}, None),
        ({"NO_PROXY": "localhost,127.0.0.1"}, None),
        ({"CSRF_TRUSTED_ORIGINS": "http://localhost:6379"}, None),
        ({"NEXT_PUBLIC_API_URL": "http://localhost:6379"}, None),
        ({"VITE_API_URL": "http://localhost:6379"}, None),
        ({"BASE_URL": "http://localhost:6379"}, None),
        ({"OAUTH_REDIRECT_URI": "http://localhost:6379/cb"}, None),
        ({"KAFKA_ADVERTISED_LISTENERS": "EXTERNAL://localhost:15432"}, None),
        ({"LOGIN": "http://idp.example/?next=http://localhost:6379"}, None),
        ({"PASSWORD": "localhost"}, None),
        ({"GREETING": "hello from localhost"}, None),
        ({"DB_URL": "sqlite:///localhost.db"}, None),
        ({"APP_DOMAIN": "app.localhost"}, None),
    ],
)
def test_localhost(project: Linted, environment: dict[str, str], expected: str | None) -> None:
    project.write("compose.yaml", one(environment))
    expected_findings = [expected] if expected else []
    assert expected_findings == [item[0] for item in project.found("TE001")]


def test_localhost_says_where_the_service_is(project: Linted) -> None:
    project.write("compose.yaml", one({"DB_URL": "postgresql://u:hidden@localhost:15432/x"}))
    (finding,) = (item for item in project.findings() if item.rule == "TE001")
    assert (
        "DB_URL dials localhost:15432, which inside a container is api itself; postgres is at "
        "postgres:5432."
    ) == finding.message
    assert "Write postgres:5432 instead." == finding.mend
    assert finding.origin is not None
    assert ("compose.yaml", 14) == (finding.origin.file.name, finding.origin.line)


@pytest.mark.parametrize(
    "body",
    [
        {"network_mode": "host"},
        {"network_mode": "service:redis"},
        {"network_mode": "container:abc"},
    ],
)
def test_a_shared_network_has_a_shared_localhost(project: Linted, body: dict[str, str]) -> None:
    project.write("compose.yaml", one({"CACHE": "localhost:6379", "HOST": "127.0.0.1"}, **body))
    assert [] == project.found("TE001", "TE011")


def test_who_is_shared_with_has_a_shared_localhost_too(project: Linted) -> None:
    project.write(
        "compose.yaml",
        compose(
            {
                "web": {"image": "w", "ports": ["80:80"], "environment": {"X": "localhost:9000"}},
                "php": {"image": "p", "expose": ["9000"], "network_mode": "service:web"},
            }
        ),
    )
    assert [] == project.found("TE001")


def test_a_suite_has_no_address_of_its_own(project: Linted) -> None:
    services = {
        "web": {"image": "w", "ports": ["3000:3000"]},
        "tests": {"image": "t", "environment": {"BASE_URL": "http://localhost:3000"}},
    }
    project.write("compose.yaml", compose(services))
    assert [("error", "tests", "BASE_URL")] == project.found("TE001")


def test_a_service_may_dial_itself_by_its_name(project: Linted) -> None:
    services = {
        "postgres": {
            "image": "postgres:17",
            "environment": {"POSTGRES_HOST": "localhost", "PGHOST": "localhost"},
        },
        "redis": {"image": "redis", "ports": ["6379:6379"]},
    }
    project.write("compose.yaml", compose(services))
    assert [] == project.found("TE001", "TE011")


def test_what_the_mapping_writes_has_its_line(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/mapping.toml", '[services.api]\nCACHE = "localhost:6379"\n')
    (finding,) = (item for item in project.findings() if item.rule == "TE001")
    assert finding.origin is not None
    assert ("mapping.toml", 2) == (finding.origin.file.name, finding.origin.line)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgresql://u@postgres:15432/x", True),
        ("postgres:15432", True),
        ("postgresql://u@postgres:5432/x", False),
        ("postgresql://u@postgres/x", False),
        ("postgres:9999", False),  # a port that nobody declared may be open
        ("postgres:17", False),  # an image and its tag
        ("redis:15432", False),
        ("db.example.com:15432", False),
    ],
)
def test_published_port_in_network(project: Linted, value: str, expected: bool) -> None:
    project.write("compose.yaml", one({"DB": value}))
    wanted = [("error", "api", "DB")] if expected else []
    assert wanted == project.found("TE002")


def test_published_port_of_a_pair(project: Linted) -> None:
    project.write("compose.yaml", one({"DB_HOST": "postgres", "DB_PORT": "15432"}))
    (finding,) = (item for item in project.findings() if item.rule == "TE002")
    assert "Use the container port: postgres:5432." == finding.mend


def test_a_published_port_that_is_open_inside_too(project: Linted) -> None:
    services = {
        "a": {"image": "a", "environment": {"B": "b:80"}},
        "b": {"image": "b", "ports": ["80:8080", "8080:80"]},
    }
    project.write("compose.yaml", compose(services))
    assert [] == project.found("TE002")


def test_a_port_that_the_service_is_told_to_listen_on(project: Linted) -> None:
    services = {
        "a": {"image": "a", "environment": {"B": "b:9000"}},
        "b": {"image": "b", "ports": ["9000:8080"], "environment": {"PORT": "9000"}},
    }
    project.write("compose.yaml", compose(services))
    assert [] == project.found("TE002")


def local(environment: dict[str, str]) -> str:
    recipe = {"command": "python -m api", "environment": environment}
    return one({}, **{"x-tranship": {"local": recipe}})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DB_URL": "postgresql://u@localhost:5432/x"}, True),
        ({"DB": "127.0.0.1:5432"}, True),
        ({"DB": "localhost:15432"}, False),
        ({"DB": "localhost:9999"}, False),
        ({"DB": "postgres:5432"}, False),
        ({"BIND": "127.0.0.1:5432"}, False),
        ({"CORS_ORIGINS": "http://localhost:5432"}, False),
        ({"HOST": "127.0.0.1", "PORT": "{port}"}, False),
    ],
)
def test_container_port_on_host(
    project: Linted, environment: dict[str, str], expected: bool
) -> None:
    project.write("compose.yaml", local(environment))
    wanted = [("error", "api", next(iter(environment)))] if expected else []
    assert wanted == project.found("TE003")


def test_container_port_where_local_processes_have_other_ports(project: Linted) -> None:
    project.write("compose.yaml", local({"DB": "localhost:5432"}))
    taken = {("api", 8000): 40001, ("postgres", 5432): 40002}
    project.ports = Ports(local=taken, published=taken)
    (finding,) = (item for item in project.findings() if item.rule == "TE003")
    assert (
        "DB dials localhost:5432 from a local process, but 5432 is postgres's port inside its "
        "container; on the host it is at 15432."
    ) == finding.message


def test_one_literal_for_both_sides_is_told_once(project: Linted) -> None:
    project.write("compose.yaml", one({"DB": "localhost:5432"}))
    assert [("error", "api", "DB")] == project.found("TE001", "TE003")


def test_underscore_in_host(project: Linted) -> None:
    services = {
        "a": {"image": "a", "environment": {"D": "http://data_store:80", "E": "data_store:80"}},
        "b": {"image": "b", "environment": {"D": "data_store:80", "NAME": "not_dialled"}},
        "data_store": {"image": "d", "expose": ["80"]},
        "not_dialled": {"image": "d"},
    }
    project.write("compose.yaml", compose(services))
    assert [("warning", "data_store", None)] == project.found("TE010")
    (finding,) = (item for item in project.findings() if item.rule == "TE010")
    assert "(a.D, a.E, b.D)" in finding.message
    assert "aliases: [data-store]" in finding.mend


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOST": "127.0.0.1"}, True),
        ({"HOST": "localhost", "PORT": "8000"}, True),
        ({"UVICORN_HOST": "127.0.0.1"}, True),
        ({"BIND": "127.0.0.1:8000"}, True),
        ({"APP_LISTEN_ADDR": "127.0.0.1:8000"}, True),
        ({"LISTEN_ADDR": "127.0.0.1"}, True),
        ({"GRPC_BIND_ADDRESS": "::1"}, True),
        ({"SERVER_HOST": "127.0.0.1", "SERVER_PORT": "8000"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"LISTEN_ADDR": ":8000"}, False),
        ({"BIND": "0.0.0.0:8000"}, False),
        ({"SERVER_HOST": "127.0.0.1", "SERVER_PORT": "25"}, False),
        ({"REDIS_HOST": "127.0.0.1"}, False),
        ({"BINDING_NAME": "127.0.0.1"}, False),
    ],
)
def test_bound_to_loopback(project: Linted, environment: dict[str, str], expected: bool) -> None:
    project.write("compose.yaml", one(environment))
    wanted = [("error", "api", next(iter(environment)))] if expected else []
    assert wanted == project.found("TE011")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("uvicorn app:app --host 127.0.0.1 --port 8000", True),
        ("uvicorn app:app --host=localhost", True),
        ("gunicorn -b 127.0.0.1:8000 app", True),
        ("gunicorn --bind [::1]:8000 app", True),
        ("python manage.py runserver 127.0.0.1:8000", True),
        ("streamlit run app.py --server.address 127.0.0.1", True),
        (["sh", "-c", "alembic upgrade head && exec uvicorn a:a --host 127.0.0.1"], True),
        (["/bin/bash", "-ec", "PORT=1 uvicorn a:a --host 127.0.0.1"], True),
        ("uvicorn app:app --host 0.0.0.0", False),
        ("python manage.py runserver 0.0.0.0:8000", False),
        ("python manage.py runserver", False),
        (["sh", "-c", "psql --host 127.0.0.1 -c x; exec uvicorn a:a --host 0.0.0.0"], False),
        (["sh", "-c", "an 'unbalanced quote"], False),
        ("redis-server --bind 0.0.0.0", False),
        ("redis-cli -h 127.0.0.1 ping", False),
        ("worker --redis-host 127.0.0.1", False),
    ],
)
def test_bound_by_command(project: Linted, command: object, expected: bool) -> None:
    project.write("compose.yaml", one({}, command=command))
    wanted = [("error", "api", None)] if expected else []
    assert wanted == project.found("TE011")


def test_bound_by_entrypoint(project: Linted) -> None:
    project.write("compose.yaml", one({}, entrypoint=["uvicorn", "a:a", "--host", "127.0.0.1"]))
    assert [("error", "api", None)] == project.found("TE011")


def test_who_is_never_dialled_may_listen_where_it_likes(project: Linted) -> None:
    services = {"worker": {"image": "w", "environment": {"HOST": "127.0.0.1"}}}
    project.write("compose.yaml", compose(services))
    assert [] == project.found("TE011")
    dialler = {"image": "d", "environment": {"WORKER": "http://worker:9000"}}
    project.write("compose.yaml", compose({**services, "dialler": dialler}))
    assert [("error", "worker", "HOST")] == project.found("TE011")
