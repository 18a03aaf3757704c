"""Servers come up before a run and go down with it, in whatever way it ends."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_openai_server import FakeServer
from talking import looks_at, run_asks

from roboscribe.config import VlmSettings
from roboscribe.errors import ServerError, SettingsError
from roboscribe.models.server import command_line, serving, visible_gpus
from roboscribe.origin import installing

FAKE = Path(__file__).resolve().parents[1] / "fake_openai_server.py"
PYTHON = shlex.quote(sys.executable)
SERVE = f"{PYTHON} {FAKE} --port {{port}} --model {{model}}"

CHILD = """
import sys, time
from roboscribe.config import VlmSettings
from roboscribe.models.server import serving
with serving(VlmSettings(serve_command=sys.argv[1], serve_port=int(sys.argv[2])), "m", print, gpus=()) as urls:
    print("URL", urls[0], flush=True)
    {then}
"""


@pytest.fixture(autouse=True)
def logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs that are kept, are kept where the tests clean up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def quick(seconds: float) -> None:
    time.sleep(0.02)


def settings(**vlm: object) -> VlmSettings:
    return VlmSettings(**({"serve_command": SERVE, "serve_port": 18_500} | vlm))  # pyright: ignore[reportArgumentType]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=2):
            return True
    except OSError:
        return False


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_a_server_is_there_for_the_run_and_gone_after_it() -> None:
    notes: list[str] = []
    with serving(settings(), "some-model", notes.append, gpus=(), wait=quick) as urls:
        run = run_asks(list(urls), looks_at(3), model="some-model")
        assert all(isinstance(answer, str) for answer in run.answers)
    assert not answers(urls[0])
    assert "1 server ready" in notes[-1]


def test_each_server_has_its_own_port_and_gpus(tmp_path: Path) -> None:
    script = tmp_path / "serve.sh"
    script.write_text(
        f'#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES" > {tmp_path}/$1\nexec {PYTHON} {FAKE} --port $1\n'
    )
    vlm = settings(serve_command=f"sh {script} {{port}}", parallel_servers=2)
    with serving(vlm, "m", print, gpus=("4", "5", "6", "7"), wait=quick) as urls:
        ports = [url.rsplit(":", 1)[1].removesuffix("/v1") for url in urls]
        assert len(set(ports)) == 2
        assert [(tmp_path / port).read_text().strip() for port in ports] == ["4,5", "6,7"]


def test_a_port_in_use_is_passed_over() -> None:
    with (
        FakeServer() as other,
        serving(settings(serve_port=other.port), "m", print, gpus=(), wait=quick) as urls,
    ):
        assert urls[0] != other.url
        assert answers(urls[0])


def test_a_server_without_a_list_of_models_is_ready_by_its_health(tmp_path: Path) -> None:
    program = tmp_path / "serve.py"
    program.write_text(
        f"import sys, threading\nsys.path.insert(0, {str(FAKE.parent)!r})\n"
        "from fake_openai_server import FakeServer\n"
        "with FakeServer(port=int(sys.argv[1]), models=None): threading.Event().wait()\n"
    )
    vlm = settings(serve_command=f"{PYTHON} {program} {{port}}")
    with serving(vlm, "m", print, gpus=(), wait=quick) as urls:
        assert urls


def test_the_log_of_a_server_that_fails_is_shown() -> None:
    vlm = settings(
        serve_command=f"{PYTHON} -c 'print(\"out of memory, port {{port}}\"); raise SystemExit(7)'"
    )
    with (
        pytest.raises(ServerError, match=r"ended with code 7") as caught,
        serving(vlm, "m", print, gpus=(), wait=quick),
    ):
        pass
    assert "out of memory, port" in str(caught.value)


def test_when_a_server_lets_the_run_down_its_log_is_kept_and_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match=r"'other'.*Logs of the servers: (\S+)\.$") as caught,
        serving(settings(), "m", print, gpus=(), wait=quick) as urls,
    ):
        run_asks(list(urls), looks_at(1), model="other")
    folder = Path(str(caught.value).rsplit(" ", 1)[1].removesuffix("."))
    assert (folder / "server-0.log").exists()


def test_a_server_that_never_is_ready_is_stopped(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    vlm = settings(
        serve_command=f"sh -c 'echo $$ > {pid}; echo loading; exec sleep 600 # {{port}}'",
        serve_ready_timeout_s=0.5,
    )
    with pytest.raises(ServerError, match=r"not ready in 0.5 s") as caught, serving(vlm, "m", print, gpus=()):
        pass
    assert "loading" in str(caught.value)
    assert not alive(int(pid.read_text()))


def test_what_a_server_started_is_stopped_with_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    vlm = settings(serve_command=f"sh -c 'sleep 600 & echo $! > {pid}; {SERVE}'")
    with serving(vlm, "m", print, gpus=(), wait=quick):
        worker = int(pid.read_text())
        assert alive(worker)
    assert until(lambda: not alive(worker))


def test_what_a_server_leaves_behind_when_it_ends_is_stopped(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    vlm = settings(serve_command=f"sh -c 'sleep 600 & echo $! > {pid}; exit 3 # {{port}}'")
    with pytest.raises(ServerError, match="code 3"), serving(vlm, "m", print, gpus=(), wait=quick):
        pass
    assert until(lambda: not alive(int(pid.read_text())))


def test_an_error_in_the_run_stops_the_server_too() -> None:
    with (
        pytest.raises(RuntimeError, match="bug"),
        serving(settings(), "m", print, gpus=(), wait=quick) as urls,
    ):
        raise RuntimeError("bug")
    assert not answers(urls[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_does_not_outlive_the_run(number: signal.Signals, tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(then="time.sleep(600)"), SERVE, "18600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        text=True,
    )
    assert run.stdout is not None
    url = next(line.split()[1] for line in run.stdout if line.startswith("URL"))
    assert answers(url)
    run.send_signal(number)
    run.wait(30)
    run.stdout.close()
    assert until(lambda: not answers(url))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended but whose parent has not looked yet.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_vllm_is_what_serves_when_nothing_else_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vllm = tmp_path / "vllm"
    vllm.write_text("#!/bin/sh\n")
    vllm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    _, words = command_line(VlmSettings(), "org/model", 8001, gpus=2)
    assert words[:5] == [str(vllm), "serve", "org/model", "--port", "8001"]
    assert words[words.index("--tensor-parallel-size") + 1] == "2"


def test_a_missing_vllm_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SettingsError, match=re.escape(installing("vllm"))):
        command_line(VlmSettings(), "m", 8000, gpus=0)
    with pytest.raises(SettingsError, match=r"no program 'nothing-like-it'.*--vlm.serve-command"):
        command_line(VlmSettings(serve_command="nothing-like-it {port}"), "m", 8000, gpus=0)


def test_a_command_keeps_its_braces_and_needs_a_port() -> None:
    _, words = command_line(
        VlmSettings(serve_command="""sh -c '{"a": {port}}' {model}"""), "org/m", 9, gpus=0
    )
    assert words[1:] == ["-c", '{"a": 9}', "org/m"]
    with pytest.raises(SettingsError, match=r"no \{port\}"):
        command_line(VlmSettings(serve_command="sh"), "m", 9, gpus=0)
    with pytest.raises(SettingsError, match="cannot be read"):
        command_line(VlmSettings(serve_command="sh '{port}"), "m", 9, gpus=0)


@pytest.mark.parametrize(
    ("vlm", "said"), [({"num_gpus": 3}, "2 can be used"), ({"parallel_servers": 3}, "cannot share 2 GPUs")]
)
def test_gpus_that_are_not_there_are_an_error(vlm: dict[str, int], said: str) -> None:
    with pytest.raises(SettingsError, match=said), serving(settings(**vlm), "m", print, gpus=("0", "1")):
        pass


def test_visible_gpus_are_those_the_environment_leaves(tmp_path: Path) -> None:
    (tmp_path / "0000:01").mkdir()
    (tmp_path / "0000:02").mkdir()
    assert visible_gpus({}, tmp_path) == ("0", "1")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "3, 5"}, tmp_path) == ("3", "5")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == ()
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path) == ()
    assert visible_gpus({}, tmp_path / "none") == ()
