"""The collector of garbage rests while there is work, and only then."""

import gc
from dataclasses import dataclass

from service import litter


@dataclass
class Knot:
    end: "Knot | None" = None


def test_the_collector_seldom_works_while_the_block_runs_and_then_as_before() -> None:
    usual = gc.get_threshold()
    with litter.seldom_collected():
        assert gc.get_threshold()[0] == litter.FRESH > usual[0]
        assert gc.get_freeze_count() > 0
        knot = Knot()
        knot.end = knot
        del knot
        assert gc.collect() > 0, "what is tied up in itself is still collected"
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0
