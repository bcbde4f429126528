"""What must not be shown of a text: passwords and tokens."""

from __future__ import annotations

import os
import re
from typing import Final

_HIDDEN: Final = "***"
# Before a host: all up to the last `@` of the authority. A password may hold `/` and `?`, which
# only a port number keeps from being one.
_IN_URL: Final = re.compile(r"(?<=://)(?:[^\s/?#]*|[^\s/?#:]*:(?!\d*(?:[/?#]|$))\S*)@")
_WITHOUT_SCHEME: Final = re.compile(r"(?<![^\s\"'`=,;])[^\s/:@=,;]+:[^\s/@]+@(?=[\w.-]+(?::\d+)?)")
_IN_QUERY: Final = re.compile(
    r"([?&;#][\w.-]*(?:auth|credential|key|passw|pwd|secret|sig|token)[\w.-]*=)[^&;#\s]+",
    re.IGNORECASE,
)
# The form of the Hub's own tokens.
_TOKEN: Final = re.compile(r"\bhf_\w{8,}")
_TOKEN_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")


def without_credentials(text: str) -> str:
    """A text with what gives access to something replaced by `***`.

    >>> without_credentials("https://me:secret@hub.example.org/api?rev=1&token=abc")
    'https://***@hub.example.org/api?rev=1&token=***'
    """
    for name in _TOKEN_VARIABLES:
        if token := os.environ.get(name, "").strip():
            text = text.replace(token, _HIDDEN)
    for pattern in (_IN_URL, _WITHOUT_SCHEME):
        text = pattern.sub(f"{_HIDDEN}@", text)
    text = _IN_QUERY.sub(rf"\g<1>{_HIDDEN}", text)
    return _TOKEN.sub(_HIDDEN, text)
