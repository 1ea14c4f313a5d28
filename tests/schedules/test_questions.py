"""The model of a question set: what it refuses, and what makes a version another one."""

from typing import Any

import pytest
from pydantic import ValidationError

from schedules import library
from schedules.questions import Question, QuestionSet

ASKED = library.question_set()


def question(**changes: Any) -> Question:
    document = ASKED.questions[0].model_dump(by_alias=True, exclude_unset=True)
    return Question.model_validate(document | changes)


def test_a_question_without_a_source_is_refused() -> None:
    assert question() == ASKED.questions[0]
    with pytest.raises(ValidationError, match="has its source"):
        question(source=None)


def test_two_choices_of_one_name_are_refused() -> None:
    twice = [choice.model_dump(by_alias=True, exclude_unset=True) for choice in ASKED.questions[0].choices]
    with pytest.raises(ValidationError, match="two choices have the same id"):
        question(choices=[*twice, twice[0]])


def test_another_word_makes_another_version() -> None:
    other = ASKED.model_copy(update={"statement": "It is another."})
    assert isinstance(other, QuestionSet)
    assert other.hash != ASKED.hash
    assert library.question_set().hash == ASKED.hash
