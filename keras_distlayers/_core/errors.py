"""The one format of every error message: where, expected, received, what to do."""


def message(where: str, *, expected: str, received: str, fix: str = "") -> str:
    """Returns ``"<where>: expected <expected>. Received: <received>. <fix>"``."""
    text = f"{where}: expected {expected}. Received: {received}."
    return f"{text} {fix}" if fix else text


__all__ = ["message"]
