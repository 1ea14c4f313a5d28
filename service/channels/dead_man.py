"""The dead man's switch: a service outside that raises the alarm when it is not called for a while."""

import asyncio
import ssl

import httpx2
import structlog

TOTAL_SECONDS = 10.0

log = structlog.get_logger()


class DeadMan:
    """Calls one address by a plain GET. The address is a secret: it is not logged."""

    def __init__(self, url: str, *, total_seconds: float = TOTAL_SECONDS) -> None:
        self._url, self._total_seconds = url, total_seconds
        self._tls = ssl.create_default_context()

    def call(self) -> bool:
        """Whether it took the call; no redirect is followed."""
        try:
            status = asyncio.run(self._get())
        except Exception as error:
            log.warning("dead man's switch not reached", error=type(error).__name__)
            return False
        if not 200 <= status < 300:
            log.warning("dead man's switch refused", status=status)
        return 200 <= status < 300

    async def _get(self) -> int:
        async with (
            asyncio.timeout(self._total_seconds),
            httpx2.AsyncClient(timeout=self._total_seconds, verify=self._tls, trust_env=False) as client,
            client.stream("GET", self._url) as response,
        ):
            return response.status_code
