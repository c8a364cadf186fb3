"""The variables of a service: templates, settings and addresses together."""

from __future__ import annotations

from pathlib import Path

import pytest
from envmaps import PORTS, Envs, of_api, placed, stack_of, stack_with, values
from tranship.envmap.infer import Variable
from tranship.envmap.origins import Origin
from tranship.envmap.resolve import EnvMap, filled_from_settings
from tranship.errors import SettingsError, UnknownServiceError
from tranship.stack.model import Stack
from tranship.stack.placement import Placement, Side

DIRECTIONS: list[tuple[Side, Side, str]] = [
    ("local", "local", "127.0.0.1:28000"),
    ("local", "docker", "127.0.0.1:18000"),
    ("docker", "local", "host.docker.internal:28000"),
    ("docker", "docker", "data-service:8000"),
]


@pytest.fixture
def envs(tmp_path: Path) -> Envs:
    return Envs(tmp_path)


def mapped(envs: Envs, rules: str, stack: Stack | None = None, **settings: object) -> EnvMap:
    envs.layer("base", settings)
    envs.layer("development", {})
    envs.mapping(f"[services.api]\n{rules}\n")
    return envs.open(stack or stack_with())


def refused(envmap: EnvMap) -> str:
    with pytest.raises(SettingsError) as raised:
        of_api(envmap)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(("consumer", "target", "address"), DIRECTIONS)
def test_an_endpoint_in_all_four_directions(
    envs: Envs, consumer: Side, target: Side, address: str
) -> None:
    envmap = mapped(
        envs,
        'WHOLE = "{data-service}"\nHOST = "{data-service.host}"\nPORT = "{data-service.port}"\n'
        'OTHER = "{data-service:8000}"\nOTHER_PORT = "{data-service:8000.port}"\n'
        'URL = "http://{data-service}/x"\nESCAPED = "{data-service|url}"',
    )

    host, _, port = address.partition(":")
    assert {
        "WHOLE": address,
        "HOST": host,
        "PORT": port,
        "OTHER": address,
        "OTHER_PORT": port,
        "URL": f"http://{address}/x",
        "ESCAPED": address.replace(":", "%3A"),
    } == of_api(envmap, consumer, target)


def test_another_spelling_of_a_service(envs: Envs) -> None:
    envs.mapping(
        '[names]\ndata_manager = "data-service"\n[services.api]\nA = "{data_manager}"\n'
        'B = "{data_manager.port}"\n'
    )
    envmap = envs.open(stack_with({"URL": "http://data_manager:8000"}))

    assert {"A": "127.0.0.1:28000", "B": "28000", "URL": "http://127.0.0.1:28000"} == of_api(
        envmap, "local", "local"
    )
    assert {"A": "data-service:8000", "B": "8000", "URL": "http://data-service:8000"} == of_api(
        envmap
    )


def test_settings_as_they_stand_in_variables(envs: Envs) -> None:
    envmap = mapped(
        envs,
        'A = "{text}"\nB = "{flag}"\nC = "{number}"\nD = "{list}"\nE = "{text|url}"\n'
        'F = "{text|json}"\nG = "x{none}y"\nH = "{none|json}"\nI = "{{{number}}}"',
        text="p@ss $x ü",
        flag=False,
        number=0,
        list=["a", 1],
        none=None,
    )

    assert {
        "A": "p@ss $x ü",
        "B": "false",
        "C": "0",
        "D": '["a",1]',
        "E": "p%40ss%20%24x%20%C3%BC",
        "F": '"p@ss $x ü"',
        "G": "xy",
        "H": "null",
        "I": "{0}",
    } == of_api(envmap)


def test_a_sole_null_unsets_what_the_compose_file_gives(envs: Envs) -> None:
    envmap = mapped(
        envs, 'TOKEN = "{none}"\nCOPY = "{TOKEN}"', stack_with({"TOKEN": "x", "B": ""}), none=None
    )

    assert {"B": ""} == of_api(envmap)


def test_each_side_has_its_layer(envs: Envs) -> None:
    envs.layer("base", {"workers": 1})
    envs.layer("docker", {"workers": 4})
    envs.layer("development", {})
    envs.mapping('[services.api]\nWORKERS = "{workers}"\n')
    envmap = envs.open(stack_with())

    assert [{"WORKERS": "1"}, {"WORKERS": "4"}] == [
        of_api(envmap, "local"),
        of_api(envmap, "docker"),
    ]


def test_variables_of_the_same_service_fill_templates(envs: Envs) -> None:
    envmap = mapped(
        envs,
        'A = "{B}/{INHERITED}"\nB = "{C}+"\nC = "c"',
        stack_with({"INHERITED": "http://redis:6379", "C": "lost"}),
    )

    assert {
        "A": "c+/http://127.0.0.1:26379",
        "B": "c+",
        "C": "c",
        "INHERITED": "http://127.0.0.1:26379",
    } == of_api(envmap, "local", "local")


def test_the_mapping_wins_over_the_compose_file_and_says_what_it_replaced(envs: Envs) -> None:
    envmap = mapped(envs, 'B = "b"', stack_with({"B": "declared", "A": "a"}))

    assert (
        Variable("A", "a", "a"),
        Variable("B", "b", "declared", "mapping", Origin(envs.folder / "mapping.toml", 2)),
    ) == envmap.environment("api", placed(envmap.stack), PORTS)


def test_the_order_is_that_of_the_names(envs: Envs) -> None:
    envmap = mapped(envs, 'M = "1"\nA = "2"', stack_with({"Z": "1", "B": "2"}))

    assert ["A", "B", "M", "Z"] == list(of_api(envmap))


def test_a_variable_without_a_value_is_left_out() -> None:
    assert {"A": ""} == of_api(EnvMap(stack_with({"A": "", "B": None}), Path()))


@pytest.mark.parametrize(
    ("api", "others", "address"),
    [
        ("docker", "docker", "0.0.0.0:9000"),
        ("docker", "local", "0.0.0.0:9000"),
        ("local", "local", "127.0.0.1:29000"),
        ("local", "docker", "0.0.0.0:29000"),
    ],
)
def test_where_a_service_listens(envs: Envs, api: Side, others: Side, address: str) -> None:
    envs.mapping(
        '[services.api]\nAT = "{self}"\nHOST = "{self.host}"\nPORT = "{self.port}"\n'
        '[services.data-service]\nAPI_URL = "http://{api}"\n'
    )
    envmap = envs.open(stack_with())
    ports = type(PORTS)(local={**PORTS.local, ("api", 9000): 29000}, published=PORTS.published)

    found = values(envmap.environment("api", placed(envmap.stack, api, others), ports))

    host, _, port = address.partition(":")
    assert {"AT": address, "HOST": host, "PORT": port} == found


def test_only_those_who_dial_a_service_make_it_listen_everywhere(envs: Envs) -> None:
    envmap = envs.open(stack_with({"URL": "redis://redis:6379", "NAME": "postgres"}))

    assert "0.0.0.0" == envmap.listens_on("redis", Placement({"redis": "local", "api": "docker"}))
    assert "127.0.0.1" == envmap.listens_on("redis", Placement({"redis": "local", "api": "local"}))
    assert "127.0.0.1" == envmap.listens_on(
        "postgres", Placement({"postgres": "local", "api": "docker"})
    )


def test_who_dials_whom(envs: Envs) -> None:
    envs.mapping(
        '[names]\ndb = "postgres"\n[services.api]\nA = "{db.port} {self.port} {nothing}"\n'
        'OVER = "none"\n[infer]\nexclude = ["api.EXCLUDED"]\n'
    )
    envmap = envs.open(
        stack_with(
            {
                "URL": "http://data-service:8000",
                "OVER": "redis:6379",
                "EXCLUDED": "redis:6379",
                "TEXT": "redis",
                "NONE": None,
            }
        )
    )

    assert {"postgres", "data-service"} == envmap.references("api")
    assert frozenset() == envmap.references("postgres")
    assert [("api",), ("api",), (), ()] == [
        envmap.consumers(name) for name in ("postgres", "data-service", "redis", "api")
    ]


def test_a_service_that_is_not_placed_is_where_a_developer_has_it() -> None:
    envmap = EnvMap(stack_with({"URL": "redis://redis:6379"}), Path())
    ports = type(PORTS)(local={}, published={})

    found = envmap.environment("api", Placement({"api": "local"}), ports)

    assert {"URL": "redis://127.0.0.1:16379"} == values(found)


def test_the_consumer_may_stand_on_another_side_than_it_is_placed(envs: Envs) -> None:
    envmap = mapped(envs, 'URL = "redis://{redis}"')

    found = envmap.environment("api", Placement({"redis": "local"}), PORTS, side="docker")

    assert {"URL": "redis://host.docker.internal:26379"} == values(found)


BAD = [
    ('A = "{databse.user}"', 2, "A of api: {databse.user}: no such setting in the layers base"),
    (
        'A = "{database}"',
        2,
        "A of api: {database} is an object; name one of its values, for example {database.user}.",
    ),
    ('A = "{A}"', 2, "A of api: the templates go in a circle: A -> A."),
    (
        'A = "{B}"\nB = "x{C}"\nC = "{B}"',
        3,
        "B of api: the templates go in a circle: B -> C -> B.",
    ),
    ('\nA = "{portless}"', 3, "A of api: {portless}: portless has no port; give it `ports:`"),
    ('A = "{portless.host}"', 2, "A of api: {portless.host}: portless has no port"),
]


@pytest.mark.parametrize(("rules", "line", "message"), BAD)
def test_a_template_that_cannot_be_filled_names_file_line_and_variable(
    envs: Envs, rules: str, line: int, message: str
) -> None:
    envmap = mapped(envs, rules, stack_of({"portless": {}, "api": {}}), database={"user": "u"})

    assert refused(envmap).startswith(f"envs/mapping.toml:{line}: {message}")


def test_the_near_name_of_a_setting(envs: Envs) -> None:
    envmap = mapped(envs, 'A = "{databse.user}"', database={"user": "u"})

    assert refused(envmap).endswith("(did you mean 'database.user'?).")


def test_the_near_name_of_a_service(envs: Envs) -> None:
    envmap = mapped(envs, 'A = "{data-servise}"')

    assert refused(envmap).endswith("(did you mean 'data-service'?).")


def test_a_port_that_no_process_can_dial(envs: Envs) -> None:
    envmap = mapped(envs, 'A = "{redis:7777}"')

    assert {"A": "redis:7777"} == of_api(envmap)
    with pytest.raises(SettingsError, match=r"mapping\.toml:2: .*publish it with `ports:`"):
        of_api(envmap, "local")


def test_a_service_without_a_port_listens_nowhere(envs: Envs) -> None:
    envmap = mapped(envs, 'A = "{self.port}"', stack_of({"api": {}}))

    assert "A of api: {self}: the service has no port; give it `ports:`." in refused(envmap)


def test_an_unknown_service(envs: Envs) -> None:
    envmap = mapped(envs, 'A = "1"')

    with pytest.raises(UnknownServiceError, match="did you mean 'redis'"):
        envmap.environment("redys", placed(envmap.stack), PORTS)


def test_interpolation_is_filled_from_settings_alone(envs: Envs) -> None:
    envmap = mapped(envs, 'A = "x-{a}"\nB = "{none}"\nC = "{none}!"\nD = "{redis}"', a=1, none=None)
    written = envmap.mapping.written("api")
    layers = envmap.layers["docker"]

    assert ["x-1", None, "!"] == [filled_from_settings(written[name], layers) for name in "ABC"]
    with pytest.raises(SettingsError, match=r"mapping\.toml:5: D: \{redis\}: no such setting"):
        filled_from_settings(written["D"], layers)
