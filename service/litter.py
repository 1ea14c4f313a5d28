"""Python's collector of garbage, at work more seldom: with its own settings it took a third of a tick."""

import gc

FRESH = 50_000  # objects more than before: a batch of messages makes some hundred thousand, and keeps none


def collect_seldom() -> None:
    """What is there by now stays to the end, and is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(FRESH, 20, 50)
