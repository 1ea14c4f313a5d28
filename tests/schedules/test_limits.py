"""Results against limits, and laboratories' words as values."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules import analytes, library, limits
from schedules.limits import Finding, Refusal
from schedules.protocol import Limit

DAY = date(2026, 3, 2)


def _limit(**keys: object) -> Limit:
    return Limit.model_validate({"analyte": "wbc", "unit": "10*9/L", "level": "same-day", **keys})


def _judge(*given: Limit, analyte: str = "wbc", value: str = "3.1", **who: object) -> tuple[Finding, ...]:
    return limits.judge(given, analyte=analyte, value=Decimal(value), on=DAY, **who)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("side", "value", "found"),
    [
        ("below", "3.49", True),
        ("below", "3.5", False),
        ("below", "3.50", False),
        ("below", "3.51", False),
        ("above", "3.51", True),
        ("above", "3.5", False),
        ("above", "3.49", False),
    ],
)
def test_a_value_equal_to_a_limit_is_inside_it(side: str, value: str, found: bool) -> None:
    assert bool(_judge(_limit(**{side: 3.5}), value=value)) is found


def test_a_finding_says_what_is_beyond_what_and_how_soon() -> None:
    limit = _limit(below=3.5)
    assert _judge(limit, value="3.10") == (
        Finding(
            limit=limit,
            analyte="wbc",
            value=Decimal("3.10"),
            on=DAY,
            level="same-day",
            sentence="White cells 3.1 10*9/L on 2026-03-02: below 3.5 10*9/L.",
        ),
    )


def test_a_limit_in_another_unit_is_turned_into_the_analytes_own() -> None:
    limit = _limit(below=3500, unit="/uL")
    assert _judge(limit, value="3.499")
    assert not _judge(limit, value="3.5")
    assert _judge(limit)[0].sentence.endswith("below 3.5 10*9/L.")


def test_a_limit_of_nothing_is_a_limit() -> None:
    assert _judge(_limit(above=0), value="0.1")
    assert not _judge(_limit(above=0), value="0")
    assert not _judge(_limit(below=0), value="0")


def test_the_most_urgent_finding_is_first() -> None:
    found = _judge(_limit(below=3.5, level="routine"), _limit(below=2, level="emergency"), value="1.9")
    assert [finding.level for finding in found] == ["emergency", "routine"]


def test_limits_of_other_analytes_say_nothing() -> None:
    assert _judge(_limit(analyte="anc", below=3.5)) == ()


def test_limits_that_need_earlier_values_say_nothing_to_one_value() -> None:
    assert _judge(_limit(below=3.5, times=2)) == ()
    assert _judge(_limit(fall_percent=10, unit=None)) == ()
    assert _judge(_limit(rise_percent=30, over="P12M", unit=None)) == ()


def test_a_limit_for_some_courses_is_for_them_alone() -> None:
    limit = _limit(below=3.5, when={"indications": ["sle"], "flags_any": ["age-65"]})
    assert _judge(limit, indication="sle", flags=["age-65"])
    assert not _judge(limit, indication="sle")
    assert not _judge(limit, flags=["age-65"])


def test_the_packaged_limits_find_what_their_source_would() -> None:
    sps = library.protocol("mercaptopurine-sps").limits
    assert [finding.level for finding in _judge(*sps, analyte="anc", value="1.99")] == ["same-day"]
    assert [finding.level for finding in _judge(*sps, analyte="anc", value="0.99")] == [
        "emergency",
        "same-day",
    ]
    assert _judge(*sps, analyte="anc", value="2.0") == ()


@pytest.mark.parametrize(
    ("analyte", "text", "unit", "expected"),
    [
        ("wbc", "6.5", "10*9/L", "6.5"),
        ("wbc", " 6.5 ", " THOU/uL ", "6.5"),
        ("wbc", "6500", "/uL", "6.5"),
        ("wbc", "0", "10*9/L", "0"),
        ("wbc", "+6.5", "10*9/L", "6.5"),
        ("hb", "12.5", "g/dL", "125"),
        ("creatinine", "1.1", "mg/dL", "97.262"),
        ("wbc", "200", "10*9/L", "200"),
    ],
)
def test_a_value_is_turned_into_the_analytes_own_unit_exactly(
    analyte: str, text: str, unit: str, expected: str
) -> None:
    assert limits.convert(analyte, text, unit) == Decimal(expected)


@pytest.mark.parametrize(
    ("analyte", "text", "unit", "reason"),
    [
        ("wcc", "6.5", "10*9/L", Refusal.UNKNOWN_ANALYTE),
        ("wbc", "6.5", "", Refusal.UNKNOWN_UNIT),
        ("wbc", "6.5", "g/L", Refusal.UNKNOWN_UNIT),
        ("wbc", "6.5", "k/uL", Refusal.UNKNOWN_UNIT),
        ("bilirubin", "<0.2", "mg/dL", Refusal.COMPARATOR),
        ("wbc", "< 0,2", "10*9/L", Refusal.COMPARATOR),
        ("crp", ">= 300", "mg/L", Refusal.COMPARATOR),
        ("crp", "≤5", "mg/L", Refusal.COMPARATOR),
        ("wbc", "6,5", "10*9/L", Refusal.DECIMAL_COMMA),
        ("plt", "1,250", "10*9/L", Refusal.DECIMAL_COMMA),
        ("wbc", "", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "pending", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "6.5 H", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "6.", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", ".5", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "6e3", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "nan", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "Infinity", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "6_5", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "6 500", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "\u0666.\u0665", "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "9" * 5000, "10*9/L", Refusal.NOT_A_NUMBER),
        ("wbc", "200.1", "10*9/L", Refusal.IMPLAUSIBLE),
        ("anc", "3000", "10*3/uL", Refusal.IMPLAUSIBLE),
        ("wbc", "-1", "10*9/L", Refusal.IMPLAUSIBLE),
        ("wbc", "6545132", "10*9/L", Refusal.IMPLAUSIBLE),
        ("hb", "12.5", "g/L", Refusal.IMPLAUSIBLE),
        ("hb", "125", "g/dL", Refusal.IMPLAUSIBLE),
    ],
)
def test_what_is_no_figure_is_refused_with_its_reason(
    analyte: str, text: str, unit: str, reason: Refusal
) -> None:
    assert limits.convert(analyte, text, unit) is reason


def test_every_reason_has_its_sentence() -> None:
    assert set(limits.SENTENCES) == set(Refusal)


NUMBERS = st.decimals(min_value=0, max_value=10**7, places=3)
WRITTEN = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[<>~]?[+-]?[0-9]{1,7}[.,' ]?[0-9]{0,4}(e[+-]?[0-9]{1,3})?", fullmatch=True),
    NUMBERS.map(str),
    st.floats().map(repr),
)


UNITS = sorted({unit for known in analytes.analytes().values() for unit in (known.unit, *known.factors)})


@given(
    analyte=st.sampled_from(sorted(analytes.analytes())),
    text=WRITTEN,
    unit=st.one_of(st.sampled_from(UNITS), st.text(max_size=6)),
)
def test_nothing_is_converted_without_a_known_unit(analyte: str, text: str, unit: str) -> None:
    known = analytes.analyte(analyte)
    named = {known.unit, *known.factors}
    answer = limits.convert(analyte, text, unit)
    if isinstance(answer, Decimal):
        assert unit.strip() in named
        assert known.plausible(answer)


@given(text=WRITTEN)
def test_a_converted_text_was_a_plain_number_and_kept_its_value(text: str) -> None:
    answer = limits.convert("crp", text, "mg/dL")
    if isinstance(answer, Decimal):
        assert set(text.strip()) <= set("+-0123456789.")
        assert answer == Decimal(text.strip()) * 10
    else:
        assert answer in Refusal


@pytest.mark.parametrize(
    ("given", "looks"),
    [
        ({"below": 3.5, "unit": "10*9/L"}, False),
        ({"below": 3.5, "unit": "10*9/L", "times": 2}, True),
        ({"fall_percent": 20}, True),
    ],
)
def test_a_limit_on_more_than_one_value_looks_back(given: dict[str, Any], looks: bool) -> None:
    limit = Limit.model_validate({"analyte": "wbc", "level": "same-day"} | given)
    assert limit.looks_back is looks
