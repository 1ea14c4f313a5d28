"""What the library flags when a medicine or a vaccine is added beside one of its own."""

import pytest

from schedules import interactions, library
from schedules.interactions import between
from schedules.protocol import Medicine

AZATHIOPRINE = library.protocol("azathioprine-us-label").medicine
MERCAPTOPURINE = library.protocol("mercaptopurine-sps").medicine


def _told(medicine: Medicine, other: str, **codes: str) -> list[tuple[str, str, str]]:
    found = between([medicine], Medicine(name=other, **codes))
    return [(one.interaction, one.level, one.evidence) for one in found]


@pytest.mark.parametrize(
    ("written", "interaction", "level", "evidence"),
    [
        ("allopurinol", "allopurinol", "same-day", "seen"),
        ("Febuxostat 80 mg", "febuxostat", "same-day", "seen"),
        ("Ribavirin", "ribavirin", "same-day", "seen"),
        ("Co-trimoxazole 480mg", "trimethoprim", "24h", "seen"),
        ("trimethoprim", "trimethoprim", "24h", "seen"),
        ("Ramipril", "ace-inhibitor", "24h", "seen"),
        ("WARFARIN", "warfarin", "24h", "memory"),
        ("mesalazine", "aminosalicylate", "routine", "seen"),
        ("methotrexate", "myelosuppressive", "24h", "seen"),
        ("MMR booster", "live-vaccine", "24h", "seen"),
    ],
)
def test_what_the_sources_name_beside_azathioprine_is_found_by_what_a_person_wrote(
    written: str, interaction: str, level: str, evidence: str
) -> None:
    assert _told(AZATHIOPRINE, written) == [(interaction, level, evidence)]


@pytest.mark.parametrize(
    ("codes", "interaction"),
    [
        ({"rxnorm": "519"}, "allopurinol"),
        ({"snomed": "387135004"}, "allopurinol"),
        ({"atc": "M04AA01"}, "allopurinol"),
        ({"snomed": "441743008"}, "febuxostat"),
        ({"atc": "J05AP01"}, "ribavirin"),
        ({"atc": "C09AA05"}, "ace-inhibitor"),
        ({"atc": "A07EC02"}, "aminosalicylate"),
        ({"rxnorm": "11289"}, "warfarin"),
    ],
)
def test_a_code_or_its_class_is_enough(codes: dict[str, str], interaction: str) -> None:
    assert [one[0] for one in _told(AZATHIOPRINE, "a brand name", **codes)] == [interaction]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("paracetamol", {}),
        ("allopurinoloid", {}),
        ("", {}),
        ("folic acid", {"rxnorm": "5190", "snomed": "38713500", "atc": "C09CA01"}),
    ],
)
def test_another_medicine_is_not_flagged(name: str, codes: dict[str, str]) -> None:
    assert _told(AZATHIOPRINE, name or "-", **codes) == []


def test_mercaptopurine_shares_azathioprines_from_memory_and_febuxostats_from_its_source() -> None:
    assert _told(MERCAPTOPURINE, "allopurinol") == [("allopurinol", "same-day", "memory")]
    assert _told(MERCAPTOPURINE, "febuxostat") == [("febuxostat", "same-day", "seen")]


def test_either_of_two_medicines_can_be_the_new_one() -> None:
    sulfasalazine = Medicine(name="sulfasalazine", rxnorm="9524", snomed="387248006", atc="A07EC01")
    first, second = between([sulfasalazine], AZATHIOPRINE), between([AZATHIOPRINE], sulfasalazine)
    assert first == second
    assert [(one.medicine, one.other) for one in first] == [("azathioprine", "sulfasalazine")]
    report = between([Medicine(name="methotrexate")], Medicine(name="Leflunomide 20 mg"))
    assert [one.interaction for one in report] == ["leflunomide"]


def test_several_medicines_are_each_looked_at() -> None:
    found = between([AZATHIOPRINE, MERCAPTOPURINE, Medicine(name="infliximab")], Medicine(name="allopurinol"))
    assert [one.medicine for one in found] == ["azathioprine", "mercaptopurine"]
    assert between([], Medicine(name="allopurinol")) == ()


def test_no_sentence_tells_to_stop_and_every_row_has_its_source() -> None:
    for row in interactions.interactions():
        assert "stop taking" not in row.sentence.casefold()
        assert row.source.url or row.source.evidence == "memory", row.other.id
        assert not set(row.medicines) & set(row.by_analogy)
        assert all(name == name.casefold() for name in row.other.names), "names are matched in small letters"
