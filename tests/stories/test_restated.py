"""A laboratory does not say when it issued a version: the order of arrival decides, and a person asks."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from db import results
from db.engine import reading, writing
from db.tables import Result, ResultStatus
from service.errors import Problem
from service.flows import mistakes, restated
from service.flows.mistakes import Entry
from service.flows.restated import Version
from tests.stories.conftest import Practice
from tests.stories.test_laboratory import send, white_cells
from tests.stories.test_rejudged import bring
from tests.stories.test_results import someone

ISSUED = datetime(2026, 1, 4, 12, tzinfo=UTC)


def said(status: str, value: str, issued: datetime | None = None) -> Version:
    return ResultStatus(status), value, "10*9/L", issued


FIRST, SECOND = said("corrected", "6"), said("corrected", "5")


@pytest.mark.parametrize(
    ("version", "known", "brought", "copy"),
    [
        (FIRST, [], [], False),
        (FIRST, [SECOND], [], False),
        (FIRST, [FIRST], [], True),
        (FIRST, [SECOND, FIRST], [], True),
        (FIRST, [FIRST, SECOND], [], False),  # it corrects the second
        (FIRST, [FIRST, SECOND, FIRST], [], True),
        (FIRST, [FIRST, said("cancelled", "")], [], False),
        (said("cancelled", ""), [said("cancelled", ""), FIRST], [], False),
        (FIRST, [FIRST, said("preliminary", "5")], [], True),  # which came late, and decides nothing
        (said("final", "6"), [said("final", "6"), SECOND], [], True),  # a final one corrects nothing
        (FIRST, [said("final", "4"), FIRST, SECOND], [said("final", "4"), FIRST], True),  # a whole history
        (FIRST, [FIRST, SECOND], [said("final", "4"), FIRST], False),  # not one that we know
        (said("corrected", "6", ISSUED), [said("corrected", "6", ISSUED), SECOND], [], True),
        (said("corrected", "6", ISSUED), [FIRST, SECOND], [], False),
    ],
)
def test_H36_a_version_is_a_copy_unless_it_comes_after_another(
    version: Version, known: list[Version], brought: list[Version], copy: bool
) -> None:
    assert restated.is_copy(version, known, [*brought, version]) is copy


def tell(practice: Practice, patient: UUID, value: str, status: str = "corrected") -> None:
    practice.clock.wind(practice.clock() + timedelta(minutes=1))
    send(practice, patient, white_cells(value, status))


def standing(practice: Practice, patient: UUID) -> list[Decimal]:
    with reading(practice.engine) as session:
        draws = results.draws(session, [(practice.clinic_id, patient)]).get(patient, ())
    return [value for draw in draws for value in draw.values.values()]


def asked(practice: Practice) -> list[tuple[str, str, str]]:
    return [
        (row.state.value, row.level, row.role.value) for row in practice.work if row.kind == restated.KIND
    ]


def test_H36_corrected_back_without_a_time_of_issue_the_last_that_came_stands_and_a_person_asks(
    practice: Practice,
) -> None:
    patient = someone(practice)
    for value in ("6", "5", "6"):
        assert asked(practice) == []
        tell(practice, patient, value)
    assert standing(practice, patient) == [Decimal(6)]
    with pytest.raises(Problem, match="stored already"):
        tell(practice, patient, "6")
    assert asked(practice) == [("open", "24h", "coordinator")]
    [work] = [row for row in practice.work if row.kind == restated.KIND]
    assert work.about.startswith(
        "wbc: corrected 6 10*9/L of 2026-01-04 came again after corrected 5 10*9/L. It counts"
    )


def test_a_copy_that_was_taken_back_is_nobodys_question(practice: Practice) -> None:
    patient = someone(practice)
    for value, status in (("6", "corrected"), ("", "cancelled"), ("6", "corrected")):
        tell(practice, patient, value, status)
    assert standing(practice, patient) == [Decimal(6)]
    last = practice.rows(Result, "recorded_at")[-1]
    with writing(practice.engine) as session:
        mistakes.take_back(
            session, (practice.clinic_id, patient), Entry.RESULT, last.id, confirmed=True,
            reason="a copy", by="Kim", now=practice.clock(),
        )  # fmt: skip
    assert standing(practice, patient) == []
    assert asked(practice) == [("done", "24h", "coordinator")]


def test_an_import_that_brings_an_older_version_again_is_a_correction_too(practice: Practice) -> None:
    patient = someone(practice)
    tell(practice, patient, "6")
    tell(practice, patient, "5")
    bring(practice, patient, "wbc", "6", date(2026, 1, 4), status=ResultStatus.CORRECTED)
    assert standing(practice, patient) == [Decimal(6)]
    assert asked(practice) == [("open", "24h", "coordinator")]
