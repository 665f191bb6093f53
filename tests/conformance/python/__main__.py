"""The runner's command line: `python -m python SUITE [--list] [CASE...]`, in the folder of the suite."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from .cases import Case, Skip
from .codec import codec_cases
from .digests import digest_cases
from .player import scenario_case
from .twins import twin_cases

VERSION = 1


def cases(suite: Path) -> Iterator[tuple[str, Case]]:
    """Every case with its name."""
    vectors = json.loads((suite / "vectors.json").read_text("ascii"))
    if vectors["version"] != VERSION:
        raise SystemExit(f"vectors.json has version {vectors['version']}; this runner knows {VERSION}")
    yield from codec_cases(vectors)
    yield from twin_cases(vectors)
    for file in sorted((suite / "scenarios").rglob("*.json")):
        path = file.relative_to(suite / "scenarios").with_suffix("").as_posix()
        yield f"scenario/{path}", scenario_case(file, VERSION)
    yield from digest_cases(suite)


def main(arguments: list[str]) -> int:
    """Runs the chosen cases, or lists all."""
    if not arguments or arguments[0].startswith("-"):
        print("conformance SUITE [--list] [CASE...]", file=sys.stderr)
        return 2
    known = dict(cases(Path(arguments[0]).resolve()))
    chosen = [argument for argument in arguments[1:] if argument != "--list"]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"there is no case {unknown[0]}", file=sys.stderr)
        return 2
    if "--list" in arguments:
        print("\n".join(known))
        return 0
    failed = 0
    for name in chosen or known:
        try:
            known[name](name)
        except Skip as skip:
            print(f"skip {name}: {skip}", flush=True)
        except Exception as error:
            failed = 1
            print(f"FAIL {name}: {' '.join(str(error).split()) or repr(error):.500}", flush=True)
        else:
            print(f"ok {name}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
