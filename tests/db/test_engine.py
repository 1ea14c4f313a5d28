import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import select

from db.engine import make_engine, noting, reading, writing
from db.tables import Clinic, Message
from tests.db.conftest import House


@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.long)])
def test_H61_engine_no_lost_update(house: House, times: int) -> None:
    """Eight threads each read a number and write the next; a commit on SQLite waits for the disk."""
    message_id = house.message()

    def count_on() -> None:
        for _ in range(times):
            with writing(house.engine) as session:
                message = session.get_one(Message, (house.clinic_id, message_id), with_for_update=True)
                message.token += 1

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(count_on) for _ in range(8)]:
            done.result()
    with reading(house.engine) as session:
        assert session.get_one(Message, (house.clinic_id, message_id)).token == 8 * times


def test_a_reader_does_not_wait_for_an_open_writer(house: House) -> None:
    seen: list[str] = []

    def read() -> None:
        with reading(house.engine) as session:
            seen.append(session.exec(select(Clinic)).one().name)

    with writing(house.engine) as session:
        session.get_one(Clinic, house.clinic_id).name = "Oak Street"
        session.flush()
        reader = threading.Thread(target=read)
        reader.start()
        reader.join(timeout=5)
        assert seen == ["Elm Street"]


def test_a_reader_sees_one_moment(house: House) -> None:
    with reading(house.engine) as session:
        before = session.exec(select(Clinic.name)).one()
        with writing(house.engine) as other:
            other.get_one(Clinic, house.clinic_id).name = "Oak Street"
        assert session.exec(select(Clinic.name)).one() == before
    with reading(house.engine) as session:
        assert session.exec(select(Clinic.name)).one() == "Oak Street"


def test_a_reader_cannot_write(house: House) -> None:
    with pytest.raises(sa.exc.DBAPIError), reading(house.engine) as session:
        session.execute(sa.update(Clinic).values(name="Oak Street"))
    with writing(house.engine) as session:
        session.get_one(Clinic, house.clinic_id).phone = "+1 202-555-0101"


def test_what_was_read_can_be_used_after_the_reading(house: House) -> None:
    with reading(house.engine) as session:
        clinic = session.get_one(Clinic, house.clinic_id)
    assert clinic.name == "Elm Street"


def test_nothing_is_kept_when_something_is_raised(house: House) -> None:
    def fail() -> None:
        with writing(house.engine) as session:
            session.get_one(Clinic, house.clinic_id).name = "Oak Street"
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with reading(house.engine) as session:
        assert session.exec(select(Clinic.name)).one() == "Elm Street"


def test_the_file_is_safe_against_power_loss_and_keeps_its_keys(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
        with engine.connect() as connection:
            assert {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected
            } == expected
    else:
        expected = {"transaction_isolation": "read committed", "lock_timeout": "10s", "TimeZone": "UTC"}
        with engine.connect() as connection:
            assert {
                name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in expected
            } == expected


def test_a_note_of_a_reading_does_not_wait_for_the_disk_and_what_is_written_does(house: House) -> None:
    sqlite = house.engine.dialect.name == "sqlite"
    asked, expected = ("PRAGMA synchronous", [1, 2]) if sqlite else ("SHOW synchronous_commit", ["off", "on"])
    found = []
    for way in (noting, writing):
        with way(house.engine) as session:
            found.append(session.connection().exec_driver_sql(asked).scalar())
    assert found == expected


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the database is"):
        make_engine(url)


def test_a_plain_address_of_postgresql_is_enough() -> None:
    assert make_engine("postgresql://localhost/x").dialect.driver == "psycopg"
