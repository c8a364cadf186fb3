"""What each layer of an image is, and what is on disk once."""

from __future__ import annotations

import json

import pytest
from tranship.deployment.images.commands import require_format, shown
from tranship.deployment.images.layers import sizes
from tranship.errors import UsageError
from tranship.migration.analysis.images import Image, Layer

BASE = (Layer(100_000_000, "Imported from -"), Layer(0, "ENV A=1"))


def image(name: str, layers: tuple[Layer, ...], *diff_ids: str) -> Image:
    return Image(name, sum(layer.size for layer in layers), "", False, layers, diff_ids)


API = image(
    "api", (*BASE, Layer(20_000_000, "COPY /packages/ /"), Layer(0, "WORKDIR /app")), *"abw"
)
WEB = image(
    "web",
    (*BASE, Layer(30_000_000, "COPY a | b /"), Layer(20_000_000, "COPY /packages/ /")),
    *"acb",
)


def test_a_layer_is_shared_on_top_of_the_same_ones() -> None:
    found = sizes({"api": API, "web": WEB}, {"api": ["one", "two"], "web": ["web"]})

    api, web = found.images
    assert [("(imported)", ("web",)), ("COPY /packages/ /", ())] == [
        (layer.made_by, layer.shared_with) for layer in api.layers
    ]
    assert [("api",), (), ()] == [layer.shared_with for layer in web.layers]
    assert (20_000_000, 50_000_000) == (api.own, web.own)
    assert (170_000_000, 270_000_000) == (found.once, found.listed)
    assert pytest.approx(5 / 6) == api.layers[0].share


def test_what_cannot_be_told_apart_is_not_called_shared() -> None:
    odd = image("odd", API.layers, "a")

    found = sizes({"api": API, "odd": odd}, {})

    assert [()] * 4 == [layer.shared_with for item in found.images for layer in item.layers]
    assert 240_000_000 == found.once


def test_an_image_without_layers_is_empty() -> None:
    found = sizes({"empty": image("empty", (Layer(0, "CMD x"),))}, {"empty": ["x"]})

    assert ((), 0, 0) == (found.images[0].layers, found.images[0].size, found.once)
    assert "0.0 MB" in shown(found, "text")


def test_it_is_shown_in_each_format() -> None:
    found = sizes({"api": API, "web": WEB}, {"api": ["one", "two"], "web": ["web"]})

    text, markdown = shown(found, "text"), shown(found, "md")

    assert ["api", "one,", "two", "120.0", "MB", "20.0", "MB", "100.0", "MB"] == (
        text.splitlines()[2].split()
    )
    assert "On disk: 170.0 MB" in text
    assert "### web\n\n| size " in markdown
    assert "COPY a \\| b /" in markdown
    document = json.loads(shown(found, "json"))
    assert [170_000_000, "web"] == [document["once"], document["images"][1]["image"]]


def test_an_unknown_format() -> None:
    with pytest.raises(UsageError, match=r"Unknown format 'html'\. Formats: text, json, md\."):
        require_format("html")
