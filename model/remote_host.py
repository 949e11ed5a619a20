"""A server that speaks OpenAI's protocol: where it is, how it is asked and what people are told
of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Of what a server says of an error, so much is shown.
MAX_SAID_CHARS = 300


@dataclass(frozen=True, slots=True)
class RemoteHost:
    """
    Attributes:
        url: what its clients call the base URL, "https://host/v1".
        key: sent to that server alone, and never told.
        settings: how the names of the settings that it was set up with begin.
        tells_reasons: what the server says of a refusal is passed on. It may name its customer.
        alias: what people are told instead of its address; "" tells that.
    """

    url: str
    key: str = field(default="", repr=False)
    settings: str = "STARCODER_REMOTE"
    tells_reasons: bool = True
    alias: str = ""

    @property
    def name(self) -> str:
        return self.alias or urlsplit(self.url).netloc

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    def address(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/{path}"

    def told(self, said: str) -> str:
        """What the server said, for people: with a space before it, and without the key, which
        some repeat."""
        if not (said and self.tells_reasons):
            return ""
        if self.key:
            said = said.replace(self.key, "***")
        return f" It says: {said[:MAX_SAID_CHARS]}"
