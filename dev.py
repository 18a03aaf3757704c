#!/usr/bin/env python3
"""Set up a checkout and use it, with nothing but Python 3.11–3.13 and pip:

python3 dev.py demo            install into .venv, then run the demo
python3 dev.py test [ARGS]     install into .venv with the test tools, then run the tests
python3 dev.py install EXTRA   install into .venv with an extra, such as openai or transformers
python3 dev.py run ARGS        run the roboscribe command of .venv
"""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENV = HERE / ".venv"
PYTHON = ENV / "bin" / "python"


def install(extra: str = "") -> None:
    """Make .venv if it is not there, and install this checkout into it, with an extra such as `[test]`."""
    if not PYTHON.exists():
        print("Making .venv …", flush=True)
        # Without pip: some systems ship venv without the wheel it would copy. The pip at hand installs.
        venv.create(ENV, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, "--disable-pip-version-check", "--editable", f"{HERE}{extra}"], check=True)


def main() -> int:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(f"Roboscribe needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}.")
    task, *rest = sys.argv[1:] or ["--help"]
    if task == "demo":
        install()
        return subprocess.call([PYTHON, "-m", "roboscribe", "demo", *rest])
    if task == "test":
        install("[test]")
        return subprocess.call([PYTHON, "-m", "pytest", *rest], cwd=HERE)
    if task == "install":
        install(f"[{','.join(rest)}]" if rest else "")
        return 0
    if task == "run":
        return subprocess.call([PYTHON, "-m", "roboscribe", *rest])
    print(__doc__)
    return 0 if task in ("-h", "--help") else 2


if __name__ == "__main__":
    sys.exit(main())
