"""What two manifests say of each other."""

from __future__ import annotations

import json

from tranship.migration.data.manifest import (
    Entry,
    Manifest,
    differences,
    from_json,
    keyed,
    major,
)


def manifest(*entries: Entry, version: str = "18.1", **more: object) -> Manifest:
    return Manifest("db", "postgres", version, keyed(*entries), **more)  # type: ignore[arg-type]


def table(name: str, count: int, digest: str = "a") -> Entry:
    return Entry("table", name, digest, count, "rows")


def test_the_same_content_has_no_difference() -> None:
    one = manifest(table("a", 1), Entry("view", "v", "x"))

    assert () == differences(one, manifest(Entry("view", "v", "x"), table("a", 1)))


def test_each_difference_is_a_sentence() -> None:
    before = manifest(table("a", 10), table("b", 3), table("c", 1), Entry("sequence", "s", "1"))
    after = manifest(
        table("a", 9), table("b", 3, "other"), table("d", 1), Entry("sequence", "s", "2")
    )

    assert (
        "db: table a: 10 rows here, 9 there.",
        "db: table b: the rows differ here and there.",
        "db: table c is there here and not there.",
        "db: sequence s: differs here and there.",
        "db: table d is there there and not here.",
    ) == differences(before, after, ("here", "there"))


def test_definitions_of_two_major_versions_are_compared_by_their_presence() -> None:
    before = manifest(table("a", 1), Entry("view", "v", "one"), version="17.2")

    after = manifest(table("a", 1), Entry("view", "v", "other"))
    assert () == differences(before, after)
    assert 1 == len(differences(before, manifest(table("a", 1))))
    assert 1 == len(differences(before, manifest(table("a", 1, "b"), Entry("view", "v", "one"))))


def test_roles_beyond_those_of_the_source_are_no_difference() -> None:
    role, other = Entry("role", "app", "1"), Entry("role", "own", "1")
    one = manifest(cluster=keyed(role))

    assert () == differences(one, manifest(cluster=keyed(role, other)))
    assert ("db: role app is there before and not after.",) == differences(
        one, manifest(cluster=keyed(other))
    )


def test_what_expires_may_be_gone_when_its_time_has_come() -> None:
    key = Entry("key", "k", "d", 10_000)
    before = manifest(taken_at=5.0, fleeting=keyed(key))

    assert () == differences(before, manifest(taken_at=10.5))
    assert ("db: key k is there before and not after.",) == differences(
        before, manifest(taken_at=9.0)
    )
    later = Entry("key", "k", "d", 11_000)
    assert ("db: key k: its value or its expiry differs before and after.",) == differences(
        before, manifest(taken_at=5.0, fleeting=keyed(later))
    )
    assert ("db: key k is there after and not before.",) == differences(
        manifest(taken_at=9.0), manifest(taken_at=9.0, fleeting=keyed(key))
    )


def test_a_manifest_comes_back_from_its_record() -> None:
    one = manifest(
        table("a", 10),
        taken_at=1.5,
        fleeting=keyed(Entry("key", "k", "d", 7)),
        cluster=keyed(Entry("role", "app", "1")),
    )

    assert one == from_json(json.loads(json.dumps(one.as_json())))
    assert 11 == one.rows


def test_the_major_version_is_the_first_number() -> None:
    assert [18, 7, 0] == [major("18.1"), major("7.2.4"), major("")]
