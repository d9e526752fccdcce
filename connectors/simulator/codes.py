"""Unified social credit codes made for the purpose: well-formed, of a region that does not exist."""

from __future__ import annotations

from stdnum.cn.uscc import calc_check_digit

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_SPAN = len(_ALPHABET) ** 6
_STEP = 7_919_003  # coprime to 31, so that codes of different numbers differ


def credit_code(region: str, number: int) -> str:
    """Return the credit code of the enterprise with a number, different for different numbers below 31⁶.

    Parameters
    ----------
    region
        Six digits, which the simulator takes from a province that GB/T 2260 does not assign.
    number
        From 0.

    Examples
    --------
    >>> from stdnum.cn import uscc
    >>> credit_code("990101", 0), uscc.is_valid(credit_code("990101", 12345))
    ('91990101MA0000007H', True)
    """
    rest, body = number * _STEP % _SPAN, ""
    for _ in range(6):
        rest, digit = divmod(rest, len(_ALPHABET))
        body = _ALPHABET[digit] + body
    organisation = f"MA{body}"
    code = f"91{region}{organisation}{_organisation_check(organisation)}"
    return code + calc_check_digit(code)


def _organisation_check(organisation: str) -> str:
    """Return the check character of GB 11714: here 0–9 and A–Z are worth 0–35, modulo 11."""
    total = sum(int(character, 36) * weight for character, weight in zip(organisation, _WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]
