"""What is written: YAML, plain or for kustomize, and never over what a person did."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from exported import exported, small
from hypothesis import given
from hypothesis import strategies as st
from tranship.deployment.kubernetes import layouts, rendering, validation, writing
from tranship.deployment.kubernetes.export import Exported
from tranship.errors import EnvironmentFailed, SettingsError, UsageError

AWKWARD = [
    "",
    "yes",
    "on",
    "1e3",
    "0o14",
    "1_000",
    "0x1F",
    "12:30:00",
    "~",
    "null",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "- x",
    "{a}",
    "$(X)",
    "tab\there",
    "über",
    "one\ntwo\n",
    "\n",
    "a\n\n b\n ",
    "line \nspace",
    "\r\n",
    "nul\x07",
    "%x",
    "@x",
    "`x`",
    "'q'",
    '"q"',
    "true",
    "=",
    ".inf",
    "1.",
]


@pytest.mark.parametrize("text", AWKWARD, ids=repr)
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    document = {"data": {"A": text}, "list": [text]}

    assert [document] == list(yaml.safe_load_all(rendering.yaml_of([document])))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert [[text]] == list(yaml.safe_load_all(rendering.yaml_of([[text]])))


@pytest.mark.parametrize("text", ["yes", "1e3", "0o14", "1_000", "y", "Off", "5"])
def test_what_other_readers_take_for_something_else_is_quoted(text: str) -> None:
    assert f'- "{text}"\n' in rendering.yaml_of([[text]])


def test_lists_are_indented_and_nothing_is_an_alias() -> None:
    same = {"x": ["one"]}

    assert "---\na:\n  x:\n    - one\nb:\n  x:\n    - one\n" == rendering.yaml_of(
        [{"a": same, "b": same}]
    )


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b/c", "d~e"]), inner, max_size=3)
    ),
    max_leaves=8,
)
objects_ = st.dictionaries(st.sampled_from(["a", "b/c", "d~e"]), values, max_size=3)


def patched(document: Any, steps: list[dict[str, Any]]) -> Any:
    """Return the document after the steps, as RFC 6902 says."""
    import copy

    found = copy.deepcopy(document)
    for step in steps:
        *way, last = [
            part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]
        ]
        place = found
        for part in way:
            place = place[part]
        if step["op"] == "remove":
            del place[last]
        else:
            assert (last in place) == (step["op"] == "replace")
            place[last] = step["value"]
    return found


@given(objects_, objects_)
def test_a_patch_leads_from_one_object_to_the_other(before: Any, after: Any) -> None:
    assert after == patched(before, layouts.patch(before, after))


@pytest.fixture
def made(tmp_path: Path, no_docker: None) -> Exported:
    body = {"environment": {"LEVEL": "info", "API_TOKEN": "geheim-token"}}
    return exported(small(tmp_path / "p", {"api": body, "web": {"ports": ["80:80"]}}))


def paths(files: Any) -> list[str]:
    return [str(path) for path in files]


def test_plain_is_one_file_a_service_and_secrets_only_when_asked_for(made: Exported) -> None:
    omitted = layouts.files({"x": made}, "plain", "omit")
    written = layouts.files({"x": made}, "plain", "write")

    assert [".gitignore", "api.yaml", "web.yaml"] == paths(omitted)
    assert [".gitignore", "api.yaml", "secrets.yaml", "web.yaml"] == paths(written)
    assert "geheim-token" not in str(omitted)
    assert "secrets.yaml" in omitted[PurePosixPath(".gitignore")].splitlines()
    documents = list(yaml.safe_load_all(omitted[PurePosixPath("api.yaml")]))
    assert list(made.objects["api"]) == documents
    assert written == layouts.files({"x": made}, "plain", "write")


def test_a_namespace_is_in_every_object(made: Exported) -> None:
    files = layouts.files({"x": made}, "plain", "write", "shop")

    for path, text in files.items():
        if path.suffix == ".yaml":
            assert {"shop"} == {it["metadata"]["namespace"] for it in yaml.safe_load_all(text)}
    overlay = layouts.files({"x": made}, "kustomize", "omit", "shop")[
        PurePosixPath("overlays/x/kustomization.yaml")
    ]
    assert "shop" == yaml.safe_load(overlay)["namespace"]


def test_an_overlay_has_variables_patches_and_what_only_it_has(
    tmp_path: Path, no_docker: None
) -> None:
    first = exported(small(tmp_path / "a", {"api": {"environment": {"A": "1"}}}))
    second = exported(
        small(tmp_path / "b", {"api": {"deploy": {"replicas": 2}, "read_only": True}, "web": {}})
    )
    files = layouts.files({"one": first, "two": second}, "kustomize", "omit")

    assert [
        ".gitignore",
        "base/api.yaml",
        "base/kustomization.yaml",
        "overlays/one/api.yaml",
        "overlays/one/kustomization.yaml",
        "overlays/two/api.yaml",
        "overlays/two/kustomization.yaml",
        "overlays/two/patch-deployment-api.yaml",
        "overlays/two/web.yaml",
    ] == paths(files)
    kinds = {
        name: [it["kind"] for it in yaml.safe_load_all(files[PurePosixPath(name)])]
        for name in ("base/api.yaml", "overlays/one/api.yaml", "overlays/two/api.yaml")
    }
    assert {
        "base/api.yaml": ["Deployment", "Service", "NetworkPolicy"],
        "overlays/one/api.yaml": ["ConfigMap"],
        "overlays/two/api.yaml": ["PodDisruptionBudget"],
    } == kinds
    steps = yaml.safe_load(files[PurePosixPath("overlays/two/patch-deployment-api.yaml")])
    assert {"op": "replace", "path": "/spec/replicas", "value": 2} in steps


def test_files_are_written_once_and_secrets_for_their_owner(made: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    files = layouts.files({"x": made}, "plain", "write")

    assert len(writing.write(folder, files)) == 4
    assert [] == writing.write(folder, files)
    assert [] == writing.stale(folder, files)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {
        "secrets.yaml": 0o600,
        "api.yaml": 0o644,
        "web.yaml": 0o644,
        ".gitignore": 0o644,
    } == modes
    (folder / "secrets.yaml").chmod(0o644)
    assert [folder / "secrets.yaml"] == writing.write(folder, files)


def test_what_is_no_longer_made_is_removed_and_a_persons_file_stays(
    made: Exported, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    files = layouts.files({"x": made}, "plain", "write")
    writing.write(folder, files)
    (folder / "own.yaml").write_text("kind: Namespace\n")
    fewer = layouts.files({"x": made}, "plain", "omit")

    assert ["secrets.yaml"] == writing.stale(folder, fewer)
    assert [] == writing.write(folder, fewer)
    assert ["own.yaml"] == sorted(
        {it.name for it in folder.iterdir()} - {str(path) for path in fewer}
    )


def test_the_folder_of_another_export_is_left_alone(made: Exported, tmp_path: Path) -> None:
    files = layouts.files({"x": made}, "plain", "omit")
    writing.write(tmp_path / "out", files)
    writing.write(tmp_path / "out/other", files)

    assert [] == writing.stale(tmp_path / "out", files)
    assert [] == writing.write(tmp_path / "out", files)
    assert [] == writing.stale(tmp_path / "out/other", files)


def test_a_persons_change_is_not_written_over(made: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    files = layouts.files({"x": made}, "plain", "omit")
    writing.write(folder, files)
    changed = (folder / "api.yaml").read_text() + "# mine\n"
    (folder / "api.yaml").write_text(changed)
    (folder / "web.yaml").unlink()

    with pytest.raises(UsageError, match=r"changed by hand since it was generated: api\.yaml"):
        writing.write(folder, files)
    assert changed == (folder / "api.yaml").read_text()
    assert not (folder / "web.yaml").exists()
    writing.write(folder, files, force=True)
    assert files[PurePosixPath("api.yaml")] == (folder / "api.yaml").read_text()


def test_a_folder_of_somebody_else_is_refused(made: Exported, tmp_path: Path) -> None:
    files = layouts.files({"x": made}, "plain", "omit")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine\n")

    with pytest.raises(UsageError, match="is not empty, and none of it was generated"):
        writing.write(folder, files)
    assert ["notes.txt"] == [it.name for it in folder.iterdir()]
    with pytest.raises(UsageError, match="is no folder"):
        writing.write(folder / "notes.txt", files)
    writing.write(folder, files, force=True)
    assert (folder / "notes.txt").read_text() == "mine\n"


def test_a_secret_in_a_file_in_clear_stops_everything() -> None:
    files = {PurePosixPath("api.yaml"): "x: geheim-token\n", PurePosixPath("secrets.yaml"): "g\n"}

    with pytest.raises(UsageError, match=r"^api\.yaml: a secret of the layers") as caught:
        validation.require_no_secret(files, ["geheim-token"])
    assert "geheim-token" not in str(caught.value)
    validation.require_no_secret(files, ["other", "x"])


def test_versions_are_known_ones() -> None:
    newest = validation.versions_of()

    assert len(set(newest)) == validation.NEWEST
    assert ("1.30", "1.29") == validation.versions_of(["v1.30", " 1.29", "1.30"])
    with pytest.raises(SettingsError, match=r"No schemas of Kubernetes 1\.99.*Versions: 1\.\d+, "):
        validation.versions_of(["1.99"])
    with pytest.raises(SettingsError, match=r"No schemas of Kubernetes latest"):
        validation.versions_of(["latest"])


def test_without_the_schemas_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "kubernetes_validate.utils", None)

    with pytest.raises(EnvironmentFailed, match=r'pip install "tranship\[k8s\]".*--no-validate'):
        validation.versions_of(["1.30"])


FAKE = """\
#!/bin/sh
echo "$@" >> {log}
case "$1 {mode}" in
"kustomize fine") echo "kind: X";;
"kustomize bad") echo "Error: no such file: $2" >&2; exit 1;;
"set undecodable") echo 'unable to decode "x": cannot unmarshal' >&2; exit 1;;
"set fine")
  printf 'error: service/a the object is not a pod or does not have a pod template: ' >&2
  printf '*v1.Service\\n\\n' >&2
  printf 'error: networkpolicy.networking.k8s.io/a\\n the object is not a pod or does' >&2
  echo ' not have a pod template: *v1.NetworkPolicy' >&2
  exit 1;;
"set unparsed") echo 'error: error parsing a.yaml: yaml: line 2' >&2; exit 1;;
*) echo "kind: X";;
esac
"""


def fake_kubectl(folder: Path, mode: str) -> str:
    path = folder / "kubectl"
    path.write_text(FAKE.format(log=folder / "log", mode=mode))
    path.chmod(0o755)
    return str(path)


OVERLAY = {PurePosixPath("overlays/production/kustomization.yaml"): "resources: []\n"}


def test_kubectl_that_finds_nothing_wrong(tmp_path: Path) -> None:
    program = fake_kubectl(tmp_path, "fine")

    assert ["decodes every object"] == validation.try_with_kubectl(
        program, {PurePosixPath("a.yaml"): "---\nkind: X\n"}
    )
    assert ["renders 1 overlays", "decodes every object"] == validation.try_with_kubectl(
        program, OVERLAY
    )
    calls = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert ["set", "kustomize", "set"] == calls


@pytest.mark.parametrize(
    ("mode", "files", "said"),
    [
        ("undecodable", {PurePosixPath("a.yaml"): "kind: X\n"}, "kubectl set refuses .*unmarshal"),
        ("unparsed", {PurePosixPath("a.yaml"): "kind: X\n"}, "kubectl set refuses .*line 2"),
        ("bad", OVERLAY, "kubectl kustomize refuses .*: no such file: overlays/production$"),
    ],
)
def test_kubectl_that_refuses(tmp_path: Path, mode: str, files: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        validation.try_with_kubectl(fake_kubectl(tmp_path, mode), files)
    with pytest.raises(EnvironmentFailed, match="kubectl"):
        validation.try_with_kubectl(str(tmp_path / "gone"), files)
