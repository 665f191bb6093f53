"""The machine: what it must have, how commands run on it, and the one exception whose text the developer reads."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"


class Problem(Exception):
    """Something the developer can mend; its text is one sentence that says what is wrong and the cure."""


def say(text: str) -> None:
    """Tell the developer what happens, on stderr: stdout belongs to what was asked for."""
    print(f"build.py: {text}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    limit_seconds: float | None = None,
) -> None:
    """Run a command to its end, its output shown as it comes.

    A command over its limit is ended with all that it started. A failure or a time-out is a `Problem`.
    """
    words = [str(word) for word in command]
    sys.stdout.flush()
    process = subprocess.Popen(words, cwd=cwd, env={**os.environ, **(environment or {})}, start_new_session=True)
    try:
        code = process.wait(limit_seconds)
    except BaseException as error:
        _end_group(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise Problem(f"`{_shown(words)}` was still running after {limit_seconds:.0f} s and was ended.") from None
        raise
    if code != 0:
        raise Problem(f"`{_shown(words)}` failed: {_ending(code)}.")


def output_of(command: Sequence[str | Path], *, cwd: Path = ROOT) -> str:
    """What a command prints on stdout; its stderr is shown only when it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"`{_shown(words)}` failed: {_ending(done.returncode)}.\n{done.stderr.strip()}")
    return done.stdout


def require_all() -> None:
    """Check all that a build needs, before it takes the first step."""
    require_linux()
    require_c_compiler()
    require_rust()
    require_python_headers()


def require_linux() -> None:
    """The native build is written for Linux, and tested there alone."""
    if not sys.platform.startswith("linux"):
        raise Problem(f"remotemedia builds on Linux so far, not on {sys.platform}: use a Linux machine or a container.")


def require_rust() -> str:
    """Check cargo and rustc, and return what rustc says of itself."""
    for tool in ("cargo", "rustc"):
        if shutil.which(tool) is None:
            raise Problem(
                f"`{tool}` was not found on PATH: install Rust {oldest_rust()} or newer from https://rustup.rs, or, "
                "if it is installed, add ~/.cargo/bin to PATH."
            )
    report = output_of(["rustc", "-vV"])
    found = re.search(r"^release: (\d+)\.(\d+)", report, re.MULTILINE)
    wanted = tuple(int(part) for part in oldest_rust().split("."))
    if found is not None and (int(found[1]), int(found[2])) < wanted:
        raise Problem(
            f"Rust {found[1]}.{found[2]} is too old, {oldest_rust()} or newer is needed: `rustup update stable`."
        )
    return report


def host_triple() -> str:
    """The platform of this machine as rustc names it."""
    found = re.search(r"^host: (\S+)", require_rust(), re.MULTILINE)
    assert found is not None, "rustc names its host"
    return found[1]


def cargo_library(messages: str, suffix: str) -> Path:
    """The library that cargo built, by its messages in JSON. Raises `Problem` if there is none of this kind."""
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "remotemedia":
            for file in message["filenames"]:
                if file.endswith(suffix):
                    return Path(file)
    raise Problem(f"cargo built no `{suffix}` file: look at the crate types of runtime/capi/Cargo.toml.")


def oldest_rust() -> str:
    """The oldest Rust that the workspace accepts, from Cargo.toml."""
    found = re.search(r'^rust-version = "(\d+\.\d+)', (ROOT / "Cargo.toml").read_text("utf-8"), re.MULTILINE)
    assert found is not None, "Cargo.toml states the rust-version of the workspace"
    return found[1]


def project_version() -> str:
    """The version of the project, from Cargo.toml: every other place takes it from there."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text("utf-8"), re.MULTILINE)
    assert found is not None, "Cargo.toml states the version of the workspace"
    return found[1]


def require_c_compiler() -> str:
    """Check the C compiler: `cc`, which rustc links with, and $CC where it is set, which is returned."""
    chosen = (os.environ.get("CC") or "cc").split()[0]
    for compiler in ("cc", chosen):
        if shutil.which(compiler) is None:
            raise Problem(
                f"a C compiler is needed and `{compiler}` was not found on PATH: install one "
                "(Debian, Ubuntu: `apt-get install build-essential`; Fedora: `dnf install gcc`)."
            )
    return chosen


def has_cmake() -> bool:
    """Whether cmake, and ninja or make below it, are on PATH."""
    chosen = os.environ.get("CMAKE") or "cmake"
    return shutil.which(chosen) is not None and any(shutil.which(name) for name in ("ninja", "make"))


def require_cmake() -> None:
    """Check cmake, with which cargo builds libopus."""
    if not has_cmake():
        raise Problem(
            "libopus is built with `cmake` and `ninja` or `make`, which were not found on PATH: install them "
            "(Debian, Ubuntu: `apt-get install cmake make`; Fedora: `dnf install cmake make`; anywhere: "
            "`pip install cmake ninja`)."
        )


def require_python_headers() -> None:
    """Check that this Python can build extensions."""
    include = Path(sysconfig.get_paths()["include"])
    if not (include / "Python.h").is_file():
        raise Problem(
            f"this Python lacks its C headers ({include}/Python.h): install them "
            "(Debian, Ubuntu: `apt-get install python3-dev`; Fedora: `dnf install python3-devel`)."
        )


def _end_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _shown(words: Sequence[str]) -> str:
    root = f"{ROOT}{os.sep}"
    return " ".join(word.replace(root, "") for word in words)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
