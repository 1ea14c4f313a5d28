"""Python's collector of garbage, at work more seldom: with its own settings it took a third of a tick."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

FRESH = 50_000  # objects more than before: a batch of messages makes some hundred thousand, and keeps none


@contextmanager
def seldom_collected() -> Iterator[None]:
    """What is there by now is not looked through again while the block runs."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(FRESH, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
