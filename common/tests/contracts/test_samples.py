"""Samples of every version ever published; they must parse for as long as the version is supported.

A sample is what ``codec.encode`` gave when the version was new. Samples are added and never changed.
"""

import json
from pathlib import Path

import pytest

from headroom_common.contracts.codec import decode, encode
from headroom_common.contracts.events import ControlBody, SegmentData
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.contracts.wire import Encoded

SAMPLES = Path(__file__).parent / "samples"
NAMES = sorted(path.name.removesuffix(".headers.json") for path in SAMPLES.glob("*.headers.json"))


def sample(name: str) -> Encoded:
    headers = json.loads((SAMPLES / f"{name}.headers.json").read_text(encoding="utf-8"))
    suffix = "json" if headers["ce-datacontenttype"] == "application/json" else "arrows"
    return Encoded(headers, (SAMPLES / f"{name}.body.{suffix}").read_bytes())


def test_every_contract_has_a_sample() -> None:
    assert set(NAMES) == set(CONTRACTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_parses(name: str) -> None:
    event = decode(sample(name))
    assert event.envelope.type == name
    assert str(event.body.correlation or "") in event.body.subject


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_means_what_it_meant(name: str) -> None:
    encoded = sample(name)
    event = decode(encoded)
    again = decode(encode(event))
    assert again.envelope == event.envelope
    if isinstance(event.body, ControlBody):
        assert json.loads(encode(event).body) == json.loads(encoded.body)
        return
    assert isinstance(again.body, SegmentData)
    told = {
        table: {column: values.tolist() for column, values in columns.items()}
        for table, columns in event.body.tables.items()
    }
    meant = json.loads((SAMPLES / f"{name}.tables.json").read_text(encoding="utf-8"))
    assert told == meant
    assert again.body.header == event.body.header
