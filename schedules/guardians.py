"""How long somebody who is told for a child may be: never past the day on which the child is an adult."""

from datetime import date

from schedules.days import Duration, add, shift

ADULT_AT = Duration.parse("P18Y")  # the age of majority in most places; another one is a clinic's stated end
NOTICE = 90  # days before, somebody arranges what comes after


def adult_on(birth_date: date) -> date:
    """The 18th birthday; of 29 February the 28th: on no law's day of adulthood is a guardian told."""
    return add(birth_date, ADULT_AT)


def ends_on(birth_date: date, given_on: date, stated: date | None = None) -> date | None:
    """The first day without access: the stated one, or adulthood, for what was agreed before it."""
    birthday = adult_on(birth_date)
    ends = [day for day in (stated, birthday if given_on < birthday else None) if day is not None]
    return min(ends, default=None)


def notice_on(end: date) -> date:
    return shift(end, -NOTICE)
