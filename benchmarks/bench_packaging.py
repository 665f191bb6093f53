"""What a wheel weighs and what importing it costs, and where it installs.

An import is the median of fresh processes of `import remotemedia`, less that of `pass`, the sides in turns: by the
clock and, in brackets, by the time of the processor, which a busy machine changes less. The first use also loads the
native library: `get_runtime_version()`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tools import wheels
from tools.machine import Problem

PROCESSES = 20
SIDES = {
    "pass": "pass",
    "import": "import remotemedia",
    "first use": "import remotemedia; remotemedia.get_runtime_version()",
}


def times_ms(python: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """The median of each side in milliseconds, by clock and processor; `pass` as it is, the others less `pass`."""
    samples: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    for number in range(PROCESSES + 1):
        for side, program in SIDES.items():
            taken = _time_ms(python, folder, program)
            if number > 0:
                samples[side].append(taken)
    clock, processor = (
        {side: statistics.median(taken[which] for taken in samples[side]) for side in SIDES} for which in (0, 1)
    )
    return {
        side: (clock[side], processor[side])
        if side == "pass"
        else (clock[side] - clock["pass"], processor[side] - processor["pass"])
        for side in SIDES
    }


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = wheels.make(folder)
        print(f"packaging: medians of {PROCESSES} fresh processes for each side, in turns")
        print(f"{'tag':20} {wheel.stem.split('-', 2)[2]}")
        print(f"{'size':20} {wheel.stat().st_size / 1e6:.2f} MB, installed {wheels.installed_size(wheel) / 1e6:.2f} MB")
        print(f"{'auditwheel':20} {wheels.manylinux(wheel)}")
        print(f"{'paths of the build':20} {', '.join(wheels.foreign_paths(wheel)) or 'none'}")
        print(f"{'Python':10} {'smoke run':10} {'pass, ms':>14} {'import, ms':>14} {'first use, ms':>14}   packages")
        for version, python in wheels.pythons():
            try:
                own = wheels.install(wheel, python, folder / version)
                wheels.smoke(own, folder / version)
            except Problem as problem:
                print(f"{version:10} failed: {problem}")
                continue
            row = " ".join(f"{f'{clock:.1f} ({cpu:.1f})':>14}" for clock, cpu in times_ms(own, folder).values())
            print(f"{version:10} {'passed':10} {row}   {', '.join(wheels.packages(own))}")


def _time_ms(python: Path, folder: Path, program: str) -> tuple[float, float]:
    begun = time.perf_counter()
    process = subprocess.Popen([python, "-I", "-c", program], cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Problem(f"`{program}` failed with {python}.")
    return taken * 1000, (used.ru_utime + used.ru_stime) * 1000


if __name__ == "__main__":
    main()
