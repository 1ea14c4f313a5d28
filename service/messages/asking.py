"""The words of a check-in: every question of the set in a patient's language, no more and no fewer."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schedules import consequences, library
from service.messages.parts import Part, Plain, holds


class QuestionWords(Part):
    ask: Plain
    choices: dict[str, Plain]


class AdviceWords(Part):
    """What a patient is told at once, by the level of the answers and by what they are about."""

    routine: Plain
    within_a_day: Annotated[str, Field(alias="24h"), holds("clinic")]
    same_day: Annotated[str, Field(alias="same-day"), holds("clinic", "phone")]
    emergency: Annotated[str, holds("emergency")]
    contact: Plain
    pregnancy: Plain
    doses: Plain


class ReportWords(Part):
    title: Plain
    ask: Plain
    text: Plain
    choices: dict[str, Plain]


class ReportsWords(Part):
    """What can be told at any time."""

    heading: Plain
    help: Annotated[str, holds("clinic")]
    on: Plain
    send: Plain
    again: Plain
    kinds: dict[str, ReportWords]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        wanted = {each.id: [choice.id for choice in each.choices] for each in consequences.reports().values()}
        found = {name: list(words.choices) for name, words in self.kinds.items()}
        if list(wanted.items()) != list(found.items()):
            raise ValueError("it has other reports or choices than reports.toml, or another order")
        return self


class CheckInWords(Part):
    heading: Plain
    days: Plain
    watched: Annotated[str, holds("clinic")]
    worst: Plain
    temperature: Plain
    unit: Plain
    celsius: Plain
    fahrenheit: Plain
    on: Plain
    text: Plain
    send: Plain
    kept: Annotated[str, holds("clinic")]
    too_long: Plain
    advice: AdviceWords
    questions: dict[str, QuestionWords]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """The questions and choices of the set that is asked now, in its order."""
        asked = library.question_set().questions
        wanted = {each.id: [choice.id for choice in each.choices] for each in asked}
        found = {name: list(words.choices) for name, words in self.questions.items()}
        wrong = [name for name in wanted | found if wanted.get(name) != found.get(name)]
        if wrong or list(wanted) != list(found):
            named = ", ".join(wrong) or "their order"
            raise ValueError(f"it has other questions or choices than the question set: {named}")
        return self
