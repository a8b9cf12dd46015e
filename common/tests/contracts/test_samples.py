"""Samples of every version ever published; they must parse for as long as there is a Headroom.

A sample is what ``codec.encode`` gave when the version was new: headers, body, and for data events what the
body means (header, tables, dtypes). Bodies in later layouts of the wire stand beside it. Samples are added
and never changed; ``SHA256SUMS`` holds their digests.
"""

import hashlib
import json

import pyarrow as pa
import pytest

from headroom_common.contracts.codec import READABLE, decode, encode
from headroom_common.contracts.events import ControlBody, SegmentData
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.contracts.wire import Encoded
from scripts.generate_event_docs import SAMPLES, read_sample

DIGESTS = SAMPLES / "SHA256SUMS"
PUBLISHED = {
    name: digest
    for digest, name in (line.split() for line in DIGESTS.read_text(encoding="ascii").splitlines())
}
NAMES = sorted(name.removesuffix(".headers.json") for name in PUBLISHED if name.endswith(".headers.json"))
HINT = "in common/tests/contracts/samples: sha256sum THE-NEW-FILES >> SHA256SUMS"


def recorded(name: str, what: str) -> object:
    content: object = json.loads((SAMPLES / f"{name}.{what}.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_sample_never_changes_and_never_vanishes(name: str) -> None:
    path = SAMPLES / name
    assert path.exists(), "a published version must parse for ever; bring its sample back"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found == PUBLISHED[name], "a published version never changes; make a new one beside it"


def test_every_sample_has_its_digest() -> None:
    files = {path.name for path in SAMPLES.iterdir()} - {DIGESTS.name}
    assert files - set(PUBLISHED) == set(), HINT


def test_every_contract_has_a_sample() -> None:
    assert set(CONTRACTS) - set(NAMES) == set(), HINT


def test_no_published_version_leaves_the_registry() -> None:
    assert set(NAMES) - set(CONTRACTS) == set(), (
        "events of this version may still be under way or dead letters"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_all_its_parts(name: str) -> None:
    parts = {"body.json"}
    if CONTRACTS[name].kind == "data":
        parts = {"body.arrows", "header.json", "tables.json", "dtypes.json"}
    assert {f"{name}.{part}" for part in {"headers.json", *parts}} <= set(PUBLISHED)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_parses(name: str) -> None:
    encoded = read_sample(name)
    event = decode(encoded)
    assert event.envelope.type == name
    assert event.envelope.headers() == encoded.headers
    assert str(event.body.correlation or "") in event.body.subject


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_means_what_it_meant(name: str) -> None:
    encoded = read_sample(name)
    event = decode(encoded)
    if isinstance(event.body, ControlBody):
        assert event.body.model_dump(mode="json") == json.loads(encoded.body)
        return
    assert isinstance(event.body, SegmentData)
    tables = event.body.tables
    assert event.body.header.model_dump(mode="json") == recorded(name, "header")
    assert {
        table: {column: values.tolist() for column, values in columns.items()}
        for table, columns in tables.items()
    } == recorded(name, "tables")
    assert {
        table: {column: values.dtype.name for column, values in columns.items()}
        for table, columns in tables.items()
    } == recorded(name, "dtypes")


@pytest.mark.parametrize("name", [name for name in PUBLISHED if ".format" in name])
def test_a_body_in_a_later_layout_means_the_same(name: str) -> None:
    event_type, layout = name.removesuffix(".arrows").rsplit(".format", 1)
    first = read_sample(event_type)
    body = (SAMPLES / name).read_bytes()
    with pa.ipc.open_stream(body) as stream:
        assert stream.schema.metadata[b"headroom.format"].decode() == layout
    event, before = decode(Encoded(first.headers, body)), decode(first)
    assert isinstance(event.body, SegmentData)
    assert isinstance(before.body, SegmentData)
    assert event.body.header == before.body.header
    assert event.body.tables.keys() == before.body.tables.keys()
    for table, columns in before.body.tables.items():
        for column, values in columns.items():
            found = event.body.tables[table][column]
            assert (found.dtype, found.tolist()) == (values.dtype, values.tolist())


def test_every_layout_that_is_read_has_its_bodies() -> None:
    data = {name for name, contract in CONTRACTS.items() if contract.kind == "data"}
    for layout in (version.decode() for version in READABLE if version != b"1"):
        assert {f"{name}.format{layout}.arrows" for name in data} <= set(PUBLISHED)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_sample_says_is_written_so_that_its_readers_understand(name: str) -> None:
    encoded = read_sample(name)
    again = encode(decode(encoded))
    assert again.headers == encoded.headers
    if CONTRACTS[name].kind == "control":
        assert json.loads(again.body) == json.loads(encoded.body)
    else:
        assert encode(decode(Encoded(again.headers, again.body))) == again
