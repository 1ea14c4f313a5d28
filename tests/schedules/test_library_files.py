"""Every file of the library keeps the promises of the library: sources, evidence marks, readings, states."""

import re

import pytest

from schedules import baseline, library
from schedules.fields import Source
from schedules.protocol import Protocol

ALL = library.protocols() | library.templates()
BSR = [name for name in ALL if "bsr-2017" in name]
NOT_SHIPPED = (
    "bsr-2025",
    "aga",
    "acg",
    "dutch",
)  # no figures were seen, or no guideline


def _marks(packaged: Protocol) -> set[str | None]:
    """The evidence marks of all that a file says."""
    phases = [phase for clock in packaged.clocks for phase in clock.phases]
    cited = [*packaged.clocks, *phases, *packaged.limits, *packaged.baseline]
    sources = [one.source.evidence for one in cited if isinstance(one.source, Source)]
    return {packaged.source.evidence, *sources, *(one.evidence for one in cited)}


@pytest.mark.parametrize("name", ALL)
def test_a_file_has_its_id_a_source_that_can_be_found_and_a_day_of_review(name: str) -> None:
    packaged = ALL[name]
    assert packaged.id == name
    assert packaged.review_on is not None
    url = packaged.source.url
    assert url is None or re.fullmatch(r"https?://\S+", url)
    assert url or packaged.source.evidence in ("memory", "secondary", "product-choice")


@pytest.mark.parametrize("name", ALL)
def test_every_phase_says_how_its_source_was_read_or_that_it_gives_no_figure(name: str) -> None:
    phases = [phase for clock in ALL[name].clocks for phase in clock.phases]
    assert all(phase.note or phase.no_figure for phase in phases)
    ends = [phase for phase in phases if phase.then is not None]
    assert all(phase.reason for phase in ends), "an end says why"


@pytest.mark.parametrize("name", ALL)
def test_what_is_from_memory_says_so_in_words(name: str) -> None:
    packaged = ALL[name]
    marked = "memory" in _marks(packaged)
    assert not marked or "from memory" in (packaged.note or "").casefold()
    levels = (packaged.note or "").replace("\n", " ")
    assert not packaged.limits or "product choice" in levels, "the levels are ours"


@pytest.mark.parametrize("name", library.protocols())
def test_a_follow_up_visit_is_planned_from_a_source_or_left_to_the_clinic_in_words(name: str) -> None:
    visits = [clock for clock in ALL[name].clocks if clock.id == "follow-up"]
    assert [clock.kind for clock in visits] == ["visit"]
    assert all(phase.note or "The clinic sets it" in (phase.no_figure or "") for phase in visits[0].phases)


@pytest.mark.parametrize("name", BSR)
def test_bsr_2017_is_shown_as_superseded(name: str) -> None:
    packaged = ALL[name]
    assert "November 2025" in (packaged.superseded_by or "")
    assert "superseded" in packaged.title
    assert str(packaged.valid_to) == "2025-11-17"


def test_there_is_no_current_bsr_and_nothing_without_figures_is_a_protocol() -> None:
    assert len(BSR) == 5
    assert not [name for name in ALL if any(part in name for part in NOT_SHIPPED)]
    superseded = {name for name, packaged in ALL.items() if packaged.superseded_by}
    assert superseded == set(BSR)


def test_every_published_variant_of_azathioprine_with_figures_is_here() -> None:
    parts = (
        "us-label bsr-2017 bsg-2019 sps-rheumatology bad-2011 dtb-2002 nhs-ggc nhs-fife nhs-grampian-renal"
    )
    names = {f"azathioprine-{part}" for part in f"{parts} neurology smpc".split()}
    assert {name for name in library.protocols() if name.startswith("azathioprine")} == names
    assert "azathioprine-sps-dermatology" in library.templates(), "no number for its start"


def test_every_medicine_has_its_protocols() -> None:
    medicines = {packaged.medicine.name for packaged in library.protocols().values()}
    assert medicines == {
        "azathioprine", "mercaptopurine", "methotrexate", "methotrexate with leflunomide", "tacrolimus",
        "ciclosporin", "mycophenolate", "leflunomide", "sulfasalazine", "hydroxychloroquine", "infliximab",
        "adalimumab",
    }  # fmt: skip


def test_the_modules_without_a_medicine_are_templates_without_figures() -> None:
    modules = {name: one for name, one in library.templates().items() if "(no medicine)" in one.medicine.name}
    assert set(modules) == {
        "colectomy-follow-up", "pouch-surgery-follow-up", "diet-check-ins", "probiotics-check-ins",
        "stress-check-ins",
    }  # fmt: skip
    phases = [phase for one in modules.values() for clock in one.clocks for phase in clock.phases]
    assert {phase.no_figure for phase in phases} == {"No figure: the clinic sets it."}


@pytest.mark.parametrize(
    ("name", "required", "considered"),
    [
        ("azathioprine-us-label", "", "tpmt nudt15"),
        (
            "azathioprine-bsg-2019",
            "cbc lft renal tpmt blood-pressure weight height vaccines vzv",
            "cervical-screening pneumococcal-influenza-vaccines hepatitis-b hepatitis-c hiv",
        ),
        ("mercaptopurine-sps", "cbc lft ue tpmt renal", "ebv hepatitis-b hepatitis-c hiv nudt15 vzv"),
        ("infliximab-us-label", "tuberculosis hepatitis-b hepatitis-c hiv chest-x-ray cbc lft renal", ""),
        ("leflunomide-us-label", "alt cbc", ""),
        ("hydroxychloroquine-rcophth-2020", "renal weight dose-by-weight", ""),
    ],
)
def test_a_baseline_is_what_its_source_asks_for(name: str, required: str, considered: str) -> None:
    asked = ALL[name].baseline
    assert [one.id for one in asked if one.required] == required.split()
    assert [one.id for one in asked if not one.required] == considered.split()


def test_pregnancy_tests_are_asked_of_those_who_can_become_pregnant() -> None:
    asked = ALL["mycophenolate-sps"].baseline
    none = {one.id for one in baseline.missing(asked, measured=[], attested=[])}
    can = {one.id for one in baseline.missing(asked, measured=[], attested=[], flags=["can-become-pregnant"])}
    assert can - none == {"pregnancy-tests-twice"}


def test_every_fact_of_the_library_is_asked_for_by_some_protocol() -> None:
    asked = {one.id for packaged in ALL.values() for one in packaged.baseline}
    assert baseline.facts().keys() <= asked
