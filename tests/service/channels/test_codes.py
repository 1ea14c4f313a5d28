"""The code tables whole, without a server: each code means one thing, and what nobody knows is unknown."""

from datetime import UTC, datetime
from typing import Any

from service.channels import Accepted, Rejected, Unknown, email, webhook

NOW = datetime(2026, 1, 11, 14, tzinfo=UTC)

STATUSES = {
    "taken": (200, 201, 202, 203, 204, 205, 206, 207, 208, 226),
    "permanent": (400, 406, 413, 414, 415, 422, 431, 451),
    "bad address": (410,),
    "retry": (408, 425, 429),
    "down": (
        *(300, 301, 302, 303, 304, 305, 307, 308),
        *(401, 402, 403, 404, 405, 407, 421, 426, 503, 505, 507, 511),
    ),
    "unknown": (100, 101, 102, 103, 409, 411, 412, 416, 417, 418, 423, 424, 428, 444, 499, 600),
    "unknown and down": (500, 501, 502, 504, 506, 508, 510, 520, 521, 522, 524, 529, 599),
}
REPLIES = {  # what is said of a recipient; where there is no second code, by the first alone
    "retry": (
        *("450", "451", "452", "454", "455", "458", "459", "471", "552"),
        *("421 4.7.0", "450 4.1.1", "450 4.2.0", "450 4.2.1", "450 4.7.1", "451 4.3.0", "451 4.4.1"),
        *("451 4.7.1", "451 4.7.500", "452 4.2.2", "452 4.3.1", "452 4.5.3", "454 4.7.0", "471 4.7.1"),
        *("552 5.2.2", "550 5.2.2", "552 5.3.1", "554 5.4.5"),
    ),
    "permanent": (
        *("500", "501", "502", "503", "504", "521", "523", "530", "535", "538", "541", "554", "555", "556"),
        *("550 5.4.1", "550 5.4.4", "550 5.5.0", "550 5.7.0", "550 5.7.1", "550 5.7.23", "550 5.7.26"),
        *("550 5.7.509", "551 5.7.1", "552 5.3.4", "553 5.7.1", "554 5.3.0", "554 5.7.1", "554 5.7.9"),
    ),
    "bad address": (
        *("550", "551", "553"),
        *("550 5.1.1", "550 5.1.2", "550 5.1.3", "550 5.1.6", "550 5.1.10", "550 5.2.1", "551 5.1.6"),
        *("553 5.1.3", "553 5.1.2", "554 5.1.1", "556 5.1.10"),
    ),
}


def kind(answer: Any) -> str:
    match answer:
        case Accepted():
            return "taken"
        case Unknown(down=down):
            return "unknown and down" if down else "unknown"
        case Rejected(permanent=False, bad_address=False, down=down):
            return "down" if down else "retry"
        case Rejected(permanent=True, down=False, bad_address=bad):
            return "bad address" if bad else "permanent"
    return "no kind"


def test_H16_every_status_of_a_gateway_is_of_one_kind() -> None:
    codes = [code for found in STATUSES.values() for code in found]
    assert len(codes) == len(set(codes)) >= 60
    for wanted, found in STATUSES.items():
        for code in found:
            assert kind(webhook.answer(webhook._Reply(code, None, {}), now=NOW)) == wanted, code


def test_H16_every_reply_of_a_mail_server_is_of_one_kind() -> None:
    replies = [reply for found in REPLIES.values() for reply in found]
    assert len(replies) == len(set(replies)) >= 60
    for wanted, found in REPLIES.items():
        for reply in found:
            code, _, enhanced = reply.partition(" ")
            answer = email.rejected(int(code), f"{enhanced} no".encode(), of_recipient=True)
            assert kind(answer) == ("down" if code == "421" else wanted), reply


def test_H16_no_number_is_without_a_kind() -> None:
    for code in range(100, 1000):
        assert kind(webhook.answer(webhook._Reply(code, None, {}), now=NOW)) != "no kind"
        assert kind(email.rejected(code, b"no", of_recipient=True)) in {*REPLIES, "down"}
