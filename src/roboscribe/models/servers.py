"""What servers can do, kept between runs: an address and a model go in, what was last found out of them comes out.

One small JSON file beside the request cache. It only spares a run the wait for what it finds out anyway, so it may be
lost or damaged at any time, and faults of it are told to nobody.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import TypeAdapter, ValidationError

from roboscribe import __version__
from roboscribe.models.dialect import Dialect
from roboscribe.models.trouble import address

NAME = "servers.json"
_DAY = 86_400.0
_WEEK = 7 * _DAY


@dataclass(frozen=True, slots=True)
class Server:
    """What was found out of a server.

    Attributes:
        dialect: What it takes.
        sees: Whether it was seen to take pictures; one that was shown none may take them all the same.
        found: When that was, in seconds since 1970.
    """

    dialect: Dialect
    sees: bool
    found: float = 0.0


class KnownServers:
    """Servers by the key of their address and of what is asked of them; what is older than a week is forgotten.

    Args:
        folder: Where the file is, or is to be; made when missing.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / NAME
        self._clock = clock

    def find(self, key: str) -> Server | None:
        """What is known under a key, or None."""
        return self._read().get(key)

    def keep(self, found: Mapping[str, Server | None]) -> None:
        """Keep what has been found out just now; where that is None, forget what was kept."""
        old = self._read()
        now = self._clock()
        new = dict(old)
        for key, server in found.items():
            before = new.pop(key, None)
            if server is None:
                continue
            server = replace(server, sees=server.sees or (before is not None and before.sees))
            if (
                before is not None
                and now - before.found < _DAY
                and replace(server, found=before.found) == before
            ):
                # Once a day is often enough, and spares a write with every run.
                new[key] = before
            else:
                new[key] = replace(server, found=now)
        if new != old:
            with suppress(OSError):
                self._write(new)

    def _read(self) -> dict[str, Server]:
        try:
            kept = _form().validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}
        now = self._clock()
        # Clocks of machines that share the folder differ a little.
        return {key: server for key, server in kept.items() if abs(now - server.found) < _WEEK}

    def _write(self, servers: Mapping[str, Server]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._path.parent, prefix=f".{NAME}.", delete=False) as file:
            try:
                file.write(_form().dump_json(dict(servers), indent=1))
                file.flush()
                os.replace(file.name, self._path)
            except OSError:
                os.unlink(file.name)
                raise


def key_of(url: str | None, model: str, full: Dialect, image_format: str) -> str:
    """Key of a server: a hex digest, as addresses are nobody's business.

    Args:
        url: Its address; None for the library's own. Credentials in it do not matter.
        model: Name of the model at the server.
        full: All that it may be able to do.
        image_format: How pictures are sent.
    """
    told = [address(url) if url else "", model, asdict(full), image_format, __version__]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@cache
def _form() -> TypeAdapter[dict[str, Server]]:
    return TypeAdapter(dict[str, Server])
