"""One loop: its ticks, its signs of life, and what follows when a tick raises.

An error of ours is logged, and the next tick comes all the same. After three in a row the process ends, with
code 1 and one sentence, for its supervisor to start it afresh: half a service that looks alive is worse.

A database that is away (out of reach, locked, read-only or full) is nobody's mistake: it does not count, and
the process never ends for it: a new one would find the same, and there may be no supervisor. The loop tries
again at every tick, so it works again by itself within `reminders_every` (10 seconds) or `upkeep_every` (30)
of the database. Meanwhile `/health/ready` fails: at once where the web cannot reach it either, else 90
seconds after the loop's last sign of life. The log has when it went and when it was back.
"""

from collections.abc import Callable

import structlog

from db import away
from service import clock, metrics

log = structlog.get_logger()

MOST_FAILURES = 3  # in a row


class Loop:
    """`work` asks `go_on` when a batch is done; `beat` writes a sign of life; `may` says whether to work."""

    def __init__(
        self,
        name: str,
        work: Callable[..., int],
        beat: Callable[[str], None],
        may: Callable[[], bool],
    ) -> None:
        self.name = name
        self._work, self._beat, self._may = work, beat, may
        self._failures, self._is_away, self._begun = 0, False, 0.0
        self._last = ""

    @property
    def failure(self) -> str | None:
        """Why the process must end, in a sentence."""
        if self._failures < MOST_FAILURES:
            return None
        return (
            f"the {self.name} loop failed {MOST_FAILURES} times in a row ({self._last}): "
            "see the log, and start it again"
        )

    def tick(self) -> None:
        self._begun = clock.seconds()
        try:
            if not self._may():
                return
            handled = self._work(go_on=self._go_on)
            self._beat(self.name)
        except Exception as error:
            self._fail(error)
        else:
            self._succeed(handled)

    def _go_on(self) -> bool:
        """A batch is done: that is a sign of life, and the moment to stop at."""
        ended = clock.seconds()
        metrics.worked(self.name, ended - self._begun)
        self._begun = ended
        self._beat(self.name)
        return self._may()

    def _fail(self, error: Exception) -> None:
        is_away = away.is_away(error)
        metrics.failed(self.name, away=is_away)
        if not is_away:
            self._failures, self._last = self._failures + 1, type(error).__name__
            log.exception("loop failed", loop=self.name, count=self._failures)
        elif not self._is_away:
            self._is_away = True
            log.warning("the database is away", loop=self.name, error=type(error).__name__)

    def _succeed(self, handled: int) -> None:
        if self._is_away:
            log.info("the database is back", loop=self.name)
        if handled:
            log.info("loop", loop=self.name, count=handled)
        self._failures, self._is_away = 0, False
