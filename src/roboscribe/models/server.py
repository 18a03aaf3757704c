"""Servers for one run: a command per GPU goes in, the addresses of servers that are ready come out.

They are stopped at the end of the ``with`` block, and also when this process is killed; see ``supervisor``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.config import VlmSettings
from roboscribe.errors import ServerError, SettingsError
from roboscribe.models import supervisor
from roboscribe.origin import installing

_LOG_LINES = 15
_POLL_SECONDS = 0.5
_TELL_SECONDS = 5.0
_STOP_SECONDS = supervisor.GRACE_SECONDS + 5.0
_VLLM_OPTIONS = '--structured-outputs-config \'{"backend": "xgrammar", "disable_any_whitespace": true}\''


@dataclass
class _Server:
    url: str
    log: Path
    process: subprocess.Popen[bytes]
    ready: bool = False

    def tail(self, lines: int = _LOG_LINES) -> list[str]:
        text = self.log.read_text(errors="replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


@contextlib.contextmanager
def serving(
    vlm: VlmSettings,
    model: str,
    say: Callable[[str], None],
    *,
    gpus: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    wait: Callable[[float], None] = time.sleep,
) -> Generator[tuple[str, ...], None, None]:
    """Addresses of servers that answer, for as long as the block runs.

    Args:
        vlm: How many to start, and how.
        model: The model to serve.
        say: Told how it goes every few seconds.
        gpus: The GPUs to share out, as ``CUDA_VISIBLE_DEVICES`` names them; empty to leave that to the server.
        environ: What the servers' own environment is made from.
        wait: Sleeps for a number of seconds.

    Raises:
        SettingsError: The command cannot be run, or there are more servers than GPUs.
        ServerError: A server ended, or was not ready in time; the end of its log is in the message.
    """
    shares = _shares(vlm, gpus)
    commands = [
        command_line(vlm, model, port, len(share))
        for share, port in zip(shares, _ports(vlm, len(shares)), strict=True)
    ]
    folder = Path(tempfile.mkdtemp(prefix="roboscribe-serve-"))
    servers: list[_Server] = []
    keep_logs = False
    try:
        for number, (share, (port, command)) in enumerate(zip(shares, commands, strict=True)):
            env = dict(environ) | ({"CUDA_VISIBLE_DEVICES": ",".join(share)} if share else {})
            servers.append(_start(command, port, folder / f"server-{number}.log", env))
        _await_ready(servers, vlm.serve_ready_timeout_s, say, wait)
        yield tuple(server.url for server in servers)
    except ServerError as error:
        keep_logs = True
        if str(folder) in str(error):
            raise
        raise ServerError(error.message, f"{error.hint} Logs of the servers: {folder}.".strip()) from None
    finally:
        for server in servers:
            assert server.process.stdin is not None
            server.process.stdin.close()
        for server in servers:
            _end(server.process)
        if not keep_logs:
            shutil.rmtree(folder, ignore_errors=True)


def visible_gpus(
    environ: Mapping[str, str] = os.environ, proc: Path = Path("/proc/driver/nvidia/gpus")
) -> tuple[str, ...]:
    """The GPUs this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; found without loading CUDA."""
    if "CUDA_VISIBLE_DEVICES" in environ:
        named = [word.strip() for word in environ["CUDA_VISIBLE_DEVICES"].split(",")]
        return tuple(word for word in named if word and word != "-1")
    return tuple(str(i) for i in range(len(list(proc.iterdir())))) if proc.is_dir() else ()


def command_line(vlm: VlmSettings, model: str, port: int, gpus: int) -> tuple[int, list[str]]:
    """Port and words of the command that starts one server.

    Raises:
        SettingsError: ``--vlm.serve-command`` has no ``{port}``, or there is no such program.
    """
    template = vlm.serve_command
    if template is None:
        parallel = f" --tensor-parallel-size {gpus}" if gpus > 1 else ""
        template = f"vllm serve {{model}} --port {{port}}{parallel} {_VLLM_OPTIONS}"
    elif "{port}" not in template:
        raise SettingsError(
            "--vlm.serve-command has no {port}.",
            "Write {port} where the command takes the port to listen on.",
        )
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise SettingsError(f"--vlm.serve-command cannot be read: {error}.") from None
    # Not str.format: commands hold JSON, whose braces are their own.
    words = [word.replace("{port}", str(port)).replace("{model}", model) for word in words]
    program = shutil.which(words[0]) or shutil.which(words[0], path=str(Path(sys.executable).parent))
    if program is None:
        hint = (
            f"Install it with {installing('vllm')}, or give another one with --vlm.serve-command."
            if vlm.serve_command is None
            else "Check --vlm.serve-command."
        )
        raise SettingsError(f"There is no program {words[0]!r} to serve the model with.", hint)
    return port, [program, *words[1:]]


def _shares(vlm: VlmSettings, gpus: Sequence[str]) -> list[Sequence[str]]:
    """The GPUs of each server."""
    if vlm.num_gpus is not None:
        if gpus and len(gpus) < vlm.num_gpus:
            raise SettingsError(f"--vlm.num-gpus is {vlm.num_gpus}, but {len(gpus)} can be used.")
        gpus = gpus[: vlm.num_gpus]
    count = vlm.parallel_servers or max(1, len(gpus))
    if not gpus:
        return [()] * count
    each, rest = divmod(len(gpus), count)
    if each == 0 or rest:
        raise SettingsError(
            f"--vlm.parallel-servers {count} cannot share {len(gpus)} GPUs evenly.",
            "Change it or --vlm.num-gpus.",
        )
    return [gpus[i * each : (i + 1) * each] for i in range(count)]


def _ports(vlm: VlmSettings, count: int) -> list[int]:
    ports: list[int] = []
    for port in range(vlm.serve_port, 65_536):
        if len(ports) == count:
            break
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("", port))
                ports.append(port)
    if len(ports) < count:
        raise SettingsError(f"--vlm.serve-port {vlm.serve_port}: no free ports from there on.")
    return ports


def _start(command: Sequence[str], port: int, log: Path, env: Mapping[str, str]) -> _Server:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    return _Server(f"http://127.0.0.1:{port}/v1", log, process)


def _await_ready(
    servers: Sequence[_Server], timeout: float, say: Callable[[str], None], wait: Callable[[float], None]
) -> None:
    started = told = time.monotonic()
    while not all(server.ready for server in servers):
        for server in servers:
            server.ready = server.ready or _answers(server.url)
            code = server.process.poll()
            if code is not None:
                raise ServerError(
                    f"The server at {server.url} ended with code {code} before it was ready.", _log_of(server)
                )
        now = time.monotonic()
        late = [server for server in servers if not server.ready]
        if late and now - started > timeout:
            raise ServerError(
                f"The server at {late[0].url} was not ready in {timeout:g} s (--vlm.serve-ready-timeout-s).",
                _log_of(late[0]),
            )
        if late and now - told > _TELL_SECONDS:
            told = now
            last = "".join(late[0].tail(1))
            say(f"Waiting for the server, {now - started:.0f} s: {last[:100]}")
        if late:
            wait(_POLL_SECONDS)
    say(f"{len(servers)} server{'s' * (len(servers) > 1)} ready after {time.monotonic() - started:.0f} s.")


def _answers(url: str) -> bool:
    # Some servers list no models, others know no /health.
    for address in (f"{url}/models", f"{re.sub('/v1$', '', url)}/health"):
        # The proxies of the environment are not for this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.suppress(urllib.error.URLError, OSError), opener.open(address, timeout=2):
            return True
    return False


def _log_of(server: _Server) -> str:
    return f"Its log, {server.log}, ends:\n" + "\n".join("  " + line for line in server.tail())


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
