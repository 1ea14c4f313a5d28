"""Every feature of the rules' phases (§3) and events (§6) is exercised: the feature, and where.

A feature of a file is shown by a packaged protocol that has it; one of what happens, by a case worked out by
hand (its file in `golden/`), with the word in its input that makes it a case of that feature.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from schedules import library
from schedules.protocol import as_json

GOLDEN = Path(__file__).parent / "golden"
Has = Callable[[Mapping[str, Any]], bool]  # of a clock, as it is written


def _phase(key: str, *inside: str) -> Has:
    def has(clock: Mapping[str, Any]) -> bool:
        return any(key in phase and all(part in phase[key] for part in inside) for phase in clock["phases"])

    return has


def _is(key: str, value: str) -> Has:
    return lambda clock: clock.get(key) == value


def _step_up(clock: Mapping[str, Any]) -> bool:
    return isinstance(clock.get("on_dose_increase"), dict)


def _two_step_ups(clock: Mapping[str, Any]) -> bool:
    return isinstance(clock.get("on_dose_increase"), list)


def _then(value: str) -> Has:
    return lambda clock: any(phase.get("then") == value and phase.get("reason") for phase in clock["phases"])


PACKAGED: Mapping[str, tuple[str, Has]] = {
    "a rolling interval": ("azathioprine-us-label", _phase("every")),
    "fixed offsets": ("azathioprine-bsg-2019", _phase("offsets")),
    "an offset on the first day": ("infliximab-us-label", _phase("offsets", "P0D")),
    "another first day": ("adalimumab-nhs-fife", _phase("first")),
    "a phase that ends counted from the anchor": ("azathioprine-us-label", _phase("until")),
    "a phase that ends counted from its own beginning": ("azathioprine-bsr-2017", _phase("for")),
    "a phase that ends at a recorded event": ("azathioprine-sps-rheumatology", _phase("until", "event")),
    "… not before a day": ("azathioprine-bad-2011", _phase("until", "event", "at_least")),
    "the source ends routine monitoring": ("sulfasalazine-sps", _then("end")),
    "the source gives no interval from here": ("mycophenolate-us-label", _then("clinician-decides")),
    "a range": ("methotrexate-acr-2008", _phase("every", "min", "max")),
    "a phase for some flags": ("azathioprine-neurology", _phase("when", "flags_any")),
    "a phase for all but some flags": ("hydroxychloroquine-rcophth-2020", _phase("when", "flags_none")),
    "a phase for an indication": ("infliximab-nhs-lanarkshire", _phase("when", "indications")),
    "a phase for all but an indication": ("infliximab-nhs-lanarkshire", _phase("when", "indications_none")),
    "a clock for an indication": ("ciclosporin-us-label", lambda clock: "when" in clock),
    "a phase's own early window": ("hydroxychloroquine-aao-2016", _phase("early")),
    "no figure, the clinic sets it": ("azathioprine-us-label", _phase("no_figure")),
    "kind test": ("mercaptopurine-sps", _is("kind", "test")),
    "kind visit": ("hydroxychloroquine-rcophth-2020", _is("kind", "visit")),
    "kind dose": ("infliximab-us-label", _is("kind", "dose")),
    "kind check-in": ("stress-check-ins", _is("kind", "check-in")),
    "a dose increase restarts": ("azathioprine-bsg-2019", _is("on_dose_increase", "restart")),
    "a dose increase steps up": ("azathioprine-bsr-2017", _step_up),
    "a dose increase steps up twice": ("azathioprine-nhs-ggc", _two_step_ups),
    "a dose increase asks": ("azathioprine-us-label", _is("on_dose_increase", "ask")),
    "a dose decrease restarts": ("azathioprine-bsg-2019", _is("on_dose_decrease", "restart")),
    "a change of brand asks": ("tacrolimus-kidney-transplant-kdigo", _is("on_brand_change", "ask")),
}

LIVED: Mapping[str, tuple[str, str]] = {
    "months without drift": ("three-years-of-month-ends", "P1M"),
    "a year from 29 February": ("leap-day-years", "P1Y"),
    "a late test begins a new grid": ("late-test-starts-a-new-grid", "tests"),
    "a test just before a phase ends is its last": ("a-test-in-the-early-window-is-the-phases-last", "until"),
    "a phase's own grace and lapse": ("a-phases-own-windows", "lapse"),
    "a covered offset": ("offset-nearer-than-half-a-gap-is-covered", "offsets"),
    "a missed offset": ("an-offset-on-the-test-day-is-missed", "offsets"),
    "a held offset": ("an-offset-inside-a-hold-is-held", "hold"),
    "a carried offset": ("a-carried-offset-nearer-is-answered", "offsets"),
    "after the last offset": ("after-the-last-offset-in-the-third-phase", "offsets"),
    "a phase with fewer than half its tests": ("a-phase-with-one-test-of-four-is-told", "until"),
    "a step-up with fewer than half its tests": ("a-step-up-without-tests-is-told", "dose-increase"),
    "restart, the earlier day wins": ("a-restart-keeps-an-earlier-item", "restart"),
    "restart on a tie": ("a-restart-on-a-tie-keeps-the-item", "restart"),
    "restart with none open": ("a-restart-with-none-open-makes-an-item", "restart"),
    "restart leaves step-ups running": ("a-restart-leaves-step-ups-running", "restart"),
    "every running step-up counts": ("every-running-step-up-counts", "dose-increase"),
    "held days do not count in a step-up": ("held-days-do-not-count-in-for", "hold"),
    "a dose increase does nothing": ("dose-increase-does-nothing-by-default", "dose-increase"),
    "a maintenance dose before its time": ("maintenance-dose-before-at-least", "maintenance-dose"),
    "no maintenance dose": ("no-maintenance-dose-the-phase-goes-on", "at_least"),
    "a result-driven step-up": ("a-low-result-steps-up-and-a-good-one-ends-it", "step_ups"),
    "… ended by two in a row": ("two-good-results-in-a-row", "times"),
    "a hold pauses": ("a-hold-for-planned-is-held", "hold"),
    "a hold for a result does not pause": ("a-hold-for-result-is-overdue", "result"),
    "a hold for an infection does not pause": ("a-hold-for-infection-is-overdue", "infection"),
    "a hold for a reaction does not pause": ("a-hold-for-adverse-reaction-is-overdue", "adverse-reaction"),
    "a clock goes on while held": ("a-clock-that-continues-while-held", "continue"),
    "a hold's review": ("a-hold-without-a-review-day-is-reviewed-after-28-days", "hold"),
    "a hold within a hold": ("a-pausing-hold-within-another", "hold"),
    "a resume moves what was due": ("an-item-due-before-the-resume-becomes-due-on-it", "resume"),
    "a resume leaves what was overdue": ("an-item-overdue-when-held-stays", "resume"),
    "a gap that is a new start": ("a-gap-a-day-longer-is-a-new-start", "restart_after_gap"),
    "a gap that is none": ("a-gap-of-exactly-the-limit-is-no-new-start", "restart_after_gap"),
    "first at a new start": ("first-is-used-at-a-new-start", "first"),
    "a resume restarts": ("on-resume-restart", "on_resume"),
    "a resume steps up": ("on-resume-step-up", "on_resume"),
    "a resume asks": ("on-resume-ask", "on_resume"),
    "a stop ends": ("a-stop-ends-the-open-item", "stop"),
    "last items after a stop": ("after-stop-makes-last-items", "after_stop"),
    "an override of the rhythm": ("an-override-rules-after-each-test", "every"),
    "an override of the day": ("an-override-of-the-day-moves-the-open-item-only", "due_on"),
    "an override lapses": ("an-override-lapses-to-the-protocol", "review_on"),
    "later events apply to an override by min": ("later-events-apply-to-an-override-by-min", "override"),
    "a death ends everything": ("death-ends-every-course", "died"),
    "a death after a stop": ("died-after-a-stop-ends-the-last-items", "died"),
    "the order of a day: resume, tests": ("a-resume-comes-before-the-tests-of-its-day", "resume"),
    "the order of a day: tests, events": ("a-test-comes-before-a-dose-increase-of-its-day", "dose-increase"),
    "one version for one moment": ("events-of-one-moment-raise-the-version-once", "events"),
    "events in any order": ("events-in-any-order", "events"),
    "a resume without a hold is refused": ("refused/a-resume-without-a-hold", "resume"),
    "what follows a stop is refused": ("refused/a-dose-increase-after-a-stop", "stop"),
    "an end before the first due day is refused": ("refused/an-end-before-the-first-due-day", "until"),
    "no rhythm is refused": ("refused/a-phase-without-a-rhythm", "phases"),
    "two rhythms are refused": ("refused/a-phase-with-two-rhythms", "offsets"),
    "a lapse no longer than the grace is refused": (
        "refused/a-lapse-that-is-not-longer-than-the-grace", "lapse",
    ),
}  # fmt: skip


@pytest.mark.parametrize("feature", PACKAGED)
def test_a_feature_of_the_phases_and_answers_is_in_a_packaged_protocol(feature: str) -> None:
    name, has = PACKAGED[feature]
    assert any(has(clock) for clock in as_json(library.either(name))["clocks"])


@pytest.mark.parametrize("feature", LIVED)
def test_a_feature_of_what_happens_has_a_case_worked_out_by_hand(feature: str) -> None:
    name, word = LIVED[feature]
    case = json.loads(GOLDEN.joinpath(f"{name}.json").read_text("utf-8"))
    assert f'"{word}"' in json.dumps(case["input"])
    assert case.get("expect") or case["refused"]


def test_each_key_of_a_phase_and_of_a_clock_is_in_the_table_or_in_a_case() -> None:
    """A key that is added to the model without an example fails here."""
    texts = [file.read_text("utf-8") for file in GOLDEN.rglob("*.json")]
    texts += [library.source_text(name) for name in library.protocols() | library.templates()]
    texts.append(Path(__file__).with_name("test_linking.py").read_text("utf-8"))  # bookings: not in simulate
    together = "\n".join(texts)
    packaged = library.protocol("azathioprine-us-label").clocks[0]
    for model in (packaged, packaged.phases[0]):
        keys = {field.alias or name for name, field in type(model).model_fields.items()}
        written = {
            key for key in keys if re.search(rf'(^|")(clocks\.)?{key}("?:| =|\])|\[{key}\]', together, re.M)
        }
        assert keys - written == set()
