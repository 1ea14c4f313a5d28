"""H54: who says STOP while a message is in hand gets nothing more, and what was claimed is decided again."""

from typing import Any

import pytest

from db.tables import Contact
from service.flows import sending
from tests.stories.conftest import Practice
from tests.stories.test_lanes import MINUTE, NINE, Provider, carried, tick
from tests.stories.test_races import someone


def test_H54_stop_between_the_claim_and_the_call_is_heard(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = someone(practice), someone(practice)
    sms = Provider(practice)
    carried(practice, sms=sms)
    send_all = sending.send_all
    [contact] = [row.id for row in practice.rows(Contact) if row.patient_id == one]

    def after_a_stop(*given: Any, **more: Any) -> Any:
        practice.withdraw_consent(one, contact)
        return send_all(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(sending, "send_all", after_a_stop)
        tick(practice, NINE)
    told = {row.patient_id for row in practice.messages if row.accepted_at is not None}
    assert (told, len(sms.calls)) == ({other}, 1)
    tick(practice, NINE + MINUTE)
    assert len(sms.calls) == 1
    assert {row.state.value for row in practice.reminders if row.patient_id == one} >= {"suppressed"}
    assert [row.kind for row in practice.work if row.patient_id == one] == ["unreachable"]
