"""For gateways: what became of the messages that they took. Nobody signs in; the signature is the proof."""

from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from db.engine import writing
from service import guard
from service.api.problems import documented
from service.channels import signed
from service.deps import House, InHouse
from service.errors import Problem
from service.flows import receipts

router = guard.router(prefix="/v1/receipts", tags=["gateways"])

LARGEST = 8 * 1024  # bytes
BODY: dict[str, Any] = {
    "type": "object",
    "required": ["key", "state"],
    "properties": {
        "key": {"type": "string", "format": "uuid", "description": "The message's Idempotency-Key."},
        "state": {"enum": ["delivered", "undelivered"]},
        "channel": {"type": "string", "description": "As it was sent; not needed where one is carried."},
        "code": {"type": "string", "description": "Why not; bad-address: nothing to it can succeed."},
    },
}
EXAMPLE = {"key": "019b76da-a800-7b6a-9d3f-2b8f4b0d8c11", "state": "delivered", "channel": "sms"}
NAMES = ("Nextcount-Timestamp", "Nextcount-Signature")


@router.post(
    "/webhook",
    operation_id="take_receipt",
    status_code=204,
    response_class=Response,
    responses=documented(403, 413, 503),
    openapi_extra={
        "parameters": [
            {"in": "header", "name": name, "required": True, "schema": {"type": "string"}} for name in NAMES
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": BODY, "example": EXAMPLE}},
        },
    },
)
async def take_receipt(request: Request, house: InHouse) -> Response:
    """Signed as our requests are, with the same secret. Answered when it is stored; again is no harm."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Problem(413, f"The body is larger than {LARGEST // 1024} KiB.")
    timestamp, signature = (request.headers.get(name, "") for name in NAMES)
    await run_in_threadpool(_take, house, bytes(body), timestamp, signature)
    return Response(status_code=204)


def _take(house: House, body: bytes, timestamp: str, signature: str) -> None:
    now, gateway = house.clock(), house.gateway
    given = {"timestamp": timestamp, "signature": signature}
    read = None if gateway is None else signed.parse_receipt(body, **given, secret=gateway.secret, now=now)
    channel = None if gateway is None or read is None else gateway.channel(read.channel)
    if read is None or channel is None:
        raise Problem(403, "Refused.")
    with writing(house.engine) as session:
        receipts.keep(session, read, channel, now=now)
