import pytest

from headroom_common.contracts.registry import CONTRACTS
from headroom_common.event_manager.document import BEGIN, END, brought_up_to_date, generated
from headroom_common.event_manager.settings import EventManagerSettings


def test_everything_is_documented() -> None:
    text = generated()
    for contract in CONTRACTS.values():
        assert f"| `{contract.event_type}` | {contract.kind} |" in text
        for table in contract.tables or {}:
            assert f"| `{table}` |" in text
    for name in EventManagerSettings.model_fields:
        assert f"| `{name}` |" in text


def test_only_the_generated_part_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold \\1\n{END}\nafter\n"
    assert brought_up_to_date(page, "new \\1\n") == f"before\n{BEGIN}\nnew \\1\n{END}\nafter\n"


def test_a_page_without_such_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a part between"):
        brought_up_to_date("# Events\n", generated())
