"""Tell whether the wheel in a folder is what we promise: one, pure, typed, small, only the package.

python tools/check_wheel.py build/wheel
"""

import sys
import zipfile
from pathlib import Path

MOST_BYTES = 2_000_000
KINDS = (".py", ".pyi", "py.typed", ".txt", ".csv", ".npz")  # source, and the data that ship with it


def complaints(wheel: Path) -> list[str]:
    """What is wrong with a wheel, in words; an empty list when nothing is."""
    found = []
    if not wheel.name.endswith("-py3-none-any.whl"):
        found.append(f"{wheel.name} is not a py3-none-any wheel")
    if wheel.stat().st_size > MOST_BYTES:
        found.append(f"{wheel.name} has {wheel.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    names = zipfile.ZipFile(wheel).namelist()
    if "rushlight/py.typed" not in names:
        found.append("rushlight/py.typed is missing, so type checkers ignore the package's types")
    found += [f"{name} does not belong in the wheel" for name in names if not belongs(name)]
    return found


def belongs(name: str) -> bool:
    """Whether a file of the wheel is the package's source or the wheel's own record."""
    top, _, rest = name.partition("/")
    if top.endswith(".dist-info"):
        return True
    return top == "rushlight" and not rest.startswith("tests/") and name.endswith(KINDS)


def main(folder: str) -> int:
    """Check the one wheel of a folder and say what was found; the exit status."""
    wheels = sorted(Path(folder).glob("*.whl"))
    if len(wheels) != 1:
        print(f"expected one wheel in {folder}, found {[wheel.name for wheel in wheels]}")
        return 1
    found = complaints(wheels[0])
    print(*found or [f"{wheels[0].name}: {wheels[0].stat().st_size:,} bytes, pure, typed"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
