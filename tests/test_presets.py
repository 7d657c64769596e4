"""Every name the papers print selects something, and says in one line what."""

import pytest

from coreset_explore import select
from coreset_explore.presets import presets
from coreset_explore.registry import PURPOSES
from tests.pools import make

POOL = make()


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.name)
def test_a_preset_runs_as_it_is_and_explains_itself(preset):
    answer = select(
        preset.method, POOL, 9, wrap=preset.wrap, pick=preset.pick, show=False, **dict(preset.params)
    )
    assert len(answer.indices.unique()) == 9 or answer.info["stopped"]
    assert preset.purpose in PURPOSES and (preset.paper or preset.purpose == "baseline")
    assert preset.help.endswith(".") and "\n" not in preset.help and len(preset.help) < 130


def test_each_method_is_reached_by_some_preset():
    from coreset_explore import METHODS, SCORES

    named = {preset.method for preset in presets().values()}
    assert named == {*METHODS, *SCORES}
