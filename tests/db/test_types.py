import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from db import audit
from db.engine import reading, writing
from db.tables import AuditEntry, Clinic, Message, Patient, Result
from tests.db.conftest import NOW, House

STRINGS = json.loads((Path(__file__).parents[1] / "data/blns/blns.json").read_text("utf-8"))


def test_a_moment_of_any_zone_comes_back_in_utc(house: House) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-5)))
    message_id = house.message(send_at=there)
    with reading(house.engine) as session:
        found = session.get_one(Message, (house.clinic_id, message_id)).send_at
    assert (found, found.utcoffset()) == (NOW, timedelta(0))


def test_a_moment_without_a_zone_is_refused(house: House) -> None:
    with pytest.raises(sa.exc.StatementError, match="timezone"):
        house.message(send_at=datetime(2026, 3, 2, 9))  # noqa: DTZ001 - the mistake this test is about


@pytest.mark.parametrize("figure", ["3.50", "0.1", "1E+2", "12345678901234567890.123456789"])
def test_a_figure_comes_back_as_it_was_written(house: House, figure: str) -> None:
    house.add(
        Result,
        patient_id=house.patient_id,
        analyte="wbc",
        value=Decimal(figure),
        value_as_sent=figure,
        collected_on=date(2026, 3, 1),
        status="final",
        usable=True,
        recorded_at=NOW,
        source="test",
    )
    with reading(house.engine) as session:
        assert str(session.exec(select(Result.value)).one()) == figure


def test_a_word_that_is_not_in_the_list_is_refused(house: House) -> None:
    with pytest.raises(sa.exc.IntegrityError), writing(house.engine) as session:
        session.execute(sa.text("UPDATE patient SET wording = 'shouted'"))


def test_a_word_is_stored_by_its_value(house: House) -> None:
    with reading(house.engine) as session:
        assert session.scalar(sa.text("SELECT wording FROM patient")) == "neutral"


def test_hostile_strings_come_back_byte_for_byte(house: House) -> None:
    assert len(STRINGS) > 400
    with writing(house.engine) as session:
        for number, text in enumerate(STRINGS):
            session.add(Patient(**house.someone(mrn=f"blns-{number}", name=text)))
    with reading(house.engine) as session:
        rows = session.exec(select(Patient.mrn, Patient.name)).all()
    names = {mrn: name for mrn, name in rows if mrn.startswith("blns-")}
    assert names == {f"blns-{number}": text for number, text in enumerate(STRINGS)}


def test_hostile_strings_come_back_out_of_json(house: House) -> None:
    with writing(house.engine) as session:
        audit.record(
            session,
            house.clinic_id,
            "a coordinator",
            "noted",
            subject=("patient", str(house.patient_id)),
            now=NOW,
            detail={"notes": STRINGS},
        )
    with reading(house.engine) as session:
        entry = session.exec(select(AuditEntry)).one()
    assert entry.detail == {"notes": STRINGS}
    assert entry.at == datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("name", ["a\ud800b"])
def test_half_a_character_never_gets_in(house: House, name: str) -> None:
    with pytest.raises((UnicodeEncodeError, sa.exc.DBAPIError)), writing(house.engine) as session:
        session.get_one(Clinic, house.clinic_id).name = name
