"""How much disk the environment that runs this takes, by package folder; fails above a limit.

python tools/installed_size.py --limit-mb 400
"""

from __future__ import annotations

import argparse
import sysconfig
from pathlib import Path


def is_installed(path: Path) -> bool:
    """Whether a file came with a package; bytecode caches are written when, and if, a module is first used."""
    return path.is_file() and path.suffix != ".pyc"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--limit-mb", type=float, required=True)
    limit = parser.parse_args().limit_mb
    site = Path(sysconfig.get_paths()["purelib"])
    sizes = {
        entry.name: sum(f.lstat().st_size for f in (entry, *entry.rglob("*")) if is_installed(f))
        for entry in site.iterdir()
    }
    total = sum(sizes.values()) / 1e6
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"{size / 1e6:8.1f} MB  {name}")
    print(f"{total:8.1f} MB  in all, limit {limit:.0f} MB")
    torch = [name for name in sizes if name == "torch" or name.startswith("torch-")]
    if total > limit or torch:
        raise SystemExit(f"too much: {total:.0f} MB{', and torch' if torch else ''}")


if __name__ == "__main__":
    main()
