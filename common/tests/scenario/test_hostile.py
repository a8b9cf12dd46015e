"""Documents that are made to keep their reader busy."""

import json
from typing import Any

import pytest

from headroom_common.scenario import suggestions
from headroom_common.scenario.document import MAX_PROBLEMS
from headroom_common.scenario.loading import load_scenario
from headroom_common.scenario.problems import ScenarioError

MANY = 3_000


def problems_of(document: Any) -> int:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(json.dumps(document))
    return len(caught.value.problems)


@pytest.mark.parametrize(
    "document",
    [
        {f"key{number}": 1 for number in range(MANY)},
        {
            "spec": {
                "templates": {"servers": {f"one{number}": {} for number in range(MANY)}},
                "servers": [{"name": f"s{number}", "template": f"two{number}"} for number in range(MANY)],
            }
        },
        {"spec": {"servers": [{"nam": f"s{number}", "core": 1} for number in range(MANY)]}},
    ],
    ids=["unknown keys", "unknown templates", "misspelt keys"],
)
def test_thousands_of_unknown_words_cost_few_comparisons(
    monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    compared = 0
    compare = suggestions.difflib.get_close_matches

    def counted(word: str, choices: Any, **options: Any) -> list[str]:
        nonlocal compared
        compared += len(choices)
        return compare(word, choices, **options)

    monkeypatch.setattr(suggestions.difflib, "get_close_matches", counted)
    assert problems_of(document) == MAX_PROBLEMS
    assert compared <= 3 * suggestions._MOST_COMPARED  # two spellings of each word, and the last one


def test_suggestions_are_unbounded_where_nobody_bounds_them() -> None:
    assert suggestions.nearest("serer", ["server"]) == "server"
    with suggestions.bounded():
        suggestions._spend(suggestions._MOST_COMPARED)
        assert suggestions.nearest("serer", ["server"]) is None
        assert suggestions.did_you_mean("serer", ["server"]) == ""
        with suggestions.bounded():
            assert suggestions.nearest("serer", ["server"]) == "server"
    assert suggestions.nearest("serer", ["server"]) == "server"
