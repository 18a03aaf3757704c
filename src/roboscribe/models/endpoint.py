"""One OpenAI-compatible server: a request body goes in, the reply's JSON or a trouble of some kind comes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit

import openai

from roboscribe.models.trouble import Trouble, address

_SHOWN = 300
_CONNECT_SECONDS = 15.0
_OVERLOADED = 529


class Endpoint:
    """A server address with a client of its own.

    Args:
        url: Address up to ``/v1``; None for the library's default.
        key: API key; shown nowhere.
        timeout: Seconds one request may take.

    Attributes:
        name: The address without any credentials in it, for people.
        open: Requests under way.
        failures: Requests in a row that it did not answer.
        rests_until: Time on the caller's clock before which others are preferred.
    """

    def __init__(self, url: str | None, key: str, timeout: float) -> None:
        # A reply may take minutes; whether there is anybody at all is known soon.
        patience = openai.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        self._client = openai.AsyncOpenAI(api_key=key, base_url=url, timeout=patience, max_retries=0)
        self._secrets = tuple(secret for secret in (key, urlsplit(url or "").password) if secret)
        self.name = address(str(self._client.base_url))
        self.open = 0
        self.failures = 0
        self.rests_until = 0.0

    async def post(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The server's reply to a chat completion request, as parsed JSON.

        Raises:
            Trouble: There is none.
        """
        self.open += 1
        try:
            # Past the library's typed method: a third less time per request, which with pictures in it is
            # the client's time, and servers that leave fields out do no harm.
            found: object = await self._client.post("/chat/completions", cast_to=object, body=body)
        except openai.APIStatusError as error:
            raise self._status_trouble(error) from None
        except openai.APITimeoutError:
            raise Trouble("away", "no answer in time") from None
        except openai.APIConnectionError as error:
            raise Trouble("away", self._clean(str(error.__cause__ or error))) from None
        except (openai.APIError, ValueError) as error:
            raise Trouble("faulty", self._clean(f"the reply is not JSON ({error})")) from None
        finally:
            self.open -= 1
        if not isinstance(found, dict):
            raise Trouble("faulty", "the reply is not a JSON object")
        reply = cast(dict[str, Any], found)
        if "choices" not in reply and "error" in reply:
            # Routers that have begun to answer with 200 tell so what went wrong behind them.
            raise Trouble("faulty", self._clean(_said(reply)))
        return reply

    async def models(self) -> tuple[str, ...]:
        """Names of the models it serves; empty when it does not tell."""
        try:
            found = cast(Any, await self._client.get("/models", cast_to=object))
            return tuple(str(item["id"]) for item in found["data"])
        except (openai.APIError, ValueError, KeyError, TypeError):
            return ()

    async def alive(self) -> bool:
        """Whether anything answers there, be it with an error of its own."""
        try:
            await self._client.get("/models", cast_to=object)
        except openai.APIStatusError as error:
            return error.status_code not in (502, 503, 504)
        except openai.APIConnectionError:
            return False
        except (openai.APIError, ValueError):
            return True
        return True

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    def _status_trouble(self, error: openai.APIStatusError) -> Trouble:
        status = error.status_code
        text = self._clean(f"HTTP {status}: {_said(error.body or error.message)}")
        if status in (401, 402, 403) or (status == 429 and error.code == "insufficient_quota"):
            return Trouble("barred", text)
        if status == 404:
            return Trouble("unknown", text)
        after = retry_after(error.response.headers, datetime.now(UTC))
        if status in (429, _OVERLOADED):
            return Trouble("busy", text, after)
        if status in (502, 503, 504):
            return Trouble("away", text, after)
        if status >= 500 or status in (408, 409, 425):
            return Trouble("faulty", text, after)
        return Trouble("refused", text)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        # Servers echo requests; a data URL in a message helps nobody.
        text = re.sub(r"data:(?:image|video)/[^'\"\s]{40,}", "data:…", " ".join(text.split())).rstrip(".")
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _said(body: Any) -> str:
    """What the body of an error says, in whichever way a server wraps it."""
    if isinstance(body, list) and body:
        return _said(cast(list[Any], body)[0])
    if isinstance(body, dict):
        found = cast(dict[str, Any], body)
        inner = found.get("error", found)
        if isinstance(inner, dict):
            inner = cast(dict[str, Any], inner)
            return str(inner.get("message") or inner.get("detail") or inner)
        return str(inner)
    return str(cast(object, body))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a reply's headers ask to wait: ``retry-after-ms``, or ``retry-after`` as number or date.

    Args:
        headers: Of the reply, by lower-case name.
        now: Present time, with its time zone.
    """
    milliseconds = headers.get("retry-after-ms", "")
    seconds = headers.get("retry-after", "")
    try:
        return max(0.0, float(milliseconds) / 1000 if milliseconds else float(seconds))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(seconds)
    except (ValueError, TypeError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
