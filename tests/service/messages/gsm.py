"""How many parts a text message takes: GSM 03.38's alphabet and its extension, or UCS-2."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€\f")  # each takes two places


def alphabet(text: str) -> str:
    return "gsm-7" if set(text) <= BASIC | EXTENSION else "ucs-2"


def parts(text: str) -> int:
    """A part of several has fewer places, and holds whole characters."""
    if alphabet(text) == "gsm-7":
        return _parts([2 if sign in EXTENSION else 1 for sign in text], alone=160, of_several=153)
    return _parts([2 if ord(sign) > 0xFFFF else 1 for sign in text], alone=70, of_several=67)


def _parts(places: list[int], *, alone: int, of_several: int) -> int:
    if sum(places) <= alone:
        return 1
    count, used = 1, 0
    for size in places:
        if used + size > of_several:
            count, used = count + 1, 0
        used += size
    return count
