import pytest

from tests.service.messages import gsm


@pytest.mark.parametrize(
    ("text", "alphabet", "parts"),
    [
        ("a" * 160, "gsm-7", 1),
        ("a" * 161, "gsm-7", 2),
        ("a" * 306, "gsm-7", 2),
        ("a" * 307, "gsm-7", 3),
        ("€" * 80, "gsm-7", 1),
        ("€" * 153, "gsm-7", 3),  # 76 whole ones in a part
        ("é" * 160, "gsm-7", 1),
        ("á" * 70, "ucs-2", 1),
        ("á" * 71, "ucs-2", 2),
        ("á" * 135, "ucs-2", 3),
        ("😀" * 35, "ucs-2", 1),
        ("😀" * 36, "ucs-2", 2),
    ],
)
def test_a_text_takes_so_many_parts(text: str, alphabet: str, parts: int) -> None:
    assert (gsm.alphabet(text), gsm.parts(text)) == (alphabet, parts)


def test_the_alphabet_has_its_127_signs_and_ten_more() -> None:
    assert (len(gsm.BASIC), len(gsm.EXTENSION)) == (127, 10)  # the 128th is the escape to the extension
