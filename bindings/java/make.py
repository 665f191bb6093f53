"""Builds the Java host and runs programs of it, with the JDK alone: javac, jar, java.

    python3 make.py jdk                      prints the JDK that is used
    python3 make.py build [FOLDER]           classes, tests and examples, and remotemedia.jar
    python3 make.py run FOLDER CLASS WORD... runs a class of a built folder
    python3 make.py doc [FOLDER]             the API as HTML

A JDK of release 22 or later is looked for in JAVA_HOME, on PATH, and in /usr/lib/jvm.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = 22
LINTS = "-Xlint:all,-serial,-restricted"


def jdk() -> Path:
    """The folder of a JDK that is new enough; the newest where several are in /usr/lib/jvm."""
    tried = []
    for folder in _folders():
        version = _version(folder)
        if version is not None and version >= OLDEST:
            return folder
        tried.append(f"{folder} ({'no JDK' if version is None else version})")
    found = f" Found {', '.join(dict.fromkeys(tried))}." if tried else ""
    sys.exit(
        f"make.py: the Java host needs a JDK of release {OLDEST} or later, for java.lang.foreign.{found} "
        "Install one, such as https://adoptium.net, and set JAVA_HOME to its folder."
    )


def build(target: Path) -> Path:
    """Compile everything below `target`; returns the jar."""
    tools = jdk() / "bin"
    classes, tests = target / "classes", target / "tests"
    for folder in (classes, tests):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    release = ["--release", str(OLDEST), "-encoding", "UTF-8", LINTS, "-Werror"]
    _run([tools / "javac", *release, "-d", classes, *_sources(HERE / "src" / "main" / "java")])
    # Tests see the packages that are not exported: without the module.
    sources = [*_sources(HERE / "src" / "test" / "java"), *_sources(HERE / "examples")]
    _run([tools / "javac", *release, "-d", tests, "-cp", classes, *sources])
    jar = target / "remotemedia.jar"
    _run([tools / "jar", "--create", "--file", jar, "-C", classes, "."])
    return jar


def java(folder: Path, words: list[str]) -> list[str]:
    """The command that runs a class of a built folder."""
    path = os.pathsep.join(str(folder / each) for each in ("classes", "tests"))
    return [str(jdk() / "bin" / "java"), "--enable-native-access=ALL-UNNAMED", "-cp", path, *words]


def main(words: list[str]) -> int:
    """Carry out one command."""
    match words:
        case ["jdk"]:
            print(jdk())
        case ["build", *folder] if len(folder) < 2:
            print(build(Path(*folder) if folder else HERE / "build"))
        case ["doc", *folder] if len(folder) < 2:
            target = Path(*folder) if folder else HERE / "build" / "doc"
            sources = HERE / "src" / "main" / "java"
            javadoc: list[str | Path] = [
                jdk() / "bin" / "javadoc",
                "-quiet",
                "-Xdoclint:all,-missing",
                "-d",
                target,
                "--module-source-path",
            ]
            _run([*javadoc, f"org.remotemedia={sources}", "--module", "org.remotemedia"])
            print(target / "index.html")
        case ["run", folder, *rest] if rest:
            command = java(Path(folder), rest)
            os.execv(command[0], command)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def _folders() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if on_path := shutil.which("javac"):
        yield Path(on_path).resolve().parents[1]
    installed = [folder for folder in Path("/usr/lib/jvm").glob("*") if (folder / "bin" / "javac").exists()]
    yield from sorted(installed, key=lambda folder: _version(folder) or 0, reverse=True)


def _version(folder: Path) -> int | None:
    """The release of a JDK, from the file that each has; None if it has no compiler."""
    release = folder / "release"
    if not (folder / "bin" / "javac").exists() or not release.exists():
        return None
    found = re.search(r'JAVA_VERSION="(\d+)', release.read_text("utf-8"))
    return int(found[1]) if found else None


def _sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.java"))


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run([str(word) for word in command], check=False)
    if done.returncode != 0:
        sys.exit(f"make.py: {Path(command[0]).name} failed, see above.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
