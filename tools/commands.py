"""The command line of `build.py`."""

from __future__ import annotations

import argparse
import shutil
import sys

from tools import machine
from tools.machine import BUILD, ROOT

DESCRIPTION = """\
Builds, tests and shows remotemedia. Everything it needs beyond Python 3.10, Rust and a C compiler it installs into
.build/; what is up to date is not done again.
"""


def main(words: list[str]) -> int:
    """Carry out a command line; returns the exit code."""
    chosen = _parser().parse_args(words)
    try:
        return int(chosen.action(chosen))
    except machine.Problem as problem:
        print(f"build.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build.py: interrupted.", file=sys.stderr)
        return 130


def demo(_chosen: argparse.Namespace) -> int:
    """Build, then draw a recording: how loud it is, and where somebody speaks."""
    from tools import environment, native

    environment.require_all()
    python = environment.ready("build", "run")
    native.in_place(python)
    machine.run([python, ROOT / "examples" / "demo.py"])
    return 0


def test(chosen: argparse.Namespace) -> int:
    """Run every check, or the named ones."""
    from tools import suite

    return suite.main(chosen.check)


def prove(chosen: argparse.Namespace) -> int:
    """Prove the ABI: sanitizers, valgrind, panics, exits, old programs; prints a table."""
    from tools.prove import command as proof

    return proof.main(chosen.area)


def build(chosen: argparse.Namespace) -> int:
    """Build the library and the extension beside the Python sources; a wheel too if asked."""
    from tools import environment, native

    environment.require_all()
    native.in_place(environment.ready("build", "run"))
    print(native.library())
    if chosen.wheel:
        machine.run(
            [environment.PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", ROOT / "dist", ROOT]
        )
        for wheel in sorted((ROOT / "dist").glob("*.whl")):
            print(wheel)
    return 0


def release(chosen: argparse.Namespace) -> int:
    """Build the wheel and the archive of targets into dist/."""
    from tools import release as the_release
    from tools import target

    for name in chosen.target or [target.TARGETS[0].name]:
        for made in the_release.make(target.named(name)):
            print(made)
    return 0


def weights(_chosen: argparse.Namespace) -> int:
    """Fetch the weights that the library embeds, unless they are there."""
    from tools import weights as the_weights

    print(the_weights.ready())
    return 0


def header(chosen: argparse.Namespace) -> int:
    """Generate include/remotemedia.h, or check it."""
    from tools import environment
    from tools import header as the_header

    environment.find_cmake()
    if chosen.check:
        the_header.check()
    else:
        the_header.write()
    return 0


def generate(_chosen: argparse.Namespace) -> int:
    """Make every committed file that is generated anew, but for the header."""
    from tools import environment, licences, native

    environment.require_all()
    python = environment.ready("build", "run")
    schema = ["cargo", "test", "--locked", "-p", "remotemedia-node-tests", "--test", "registry", "manifest_schema"]
    machine.run(schema, environment={"UPDATE_SCHEMA": "1"})
    native.in_place(python)
    machine.run([python, "-m", "tools.node_classes"])
    machine.run([python, "-m", "tools.bindings.java"])
    machine.run([python, "-m", "tools.bindings.node"])
    if shutil.which("gofmt"):
        machine.run([python, "-m", "tools.bindings.go"])
    machine.run([python, "-m", "tools.bindings.cpp"])
    machine.run([python, "-c", "from tools import node_reference; node_reference.write()"])
    machine.run([python, "-m", "tools.transcript"])
    licences.write()
    return 0


def docs(_chosen: argparse.Namespace) -> int:
    """Build the documentation site in .build/site."""
    from tools import site

    print(site.build())
    return 0


def bench(chosen: argparse.Namespace) -> int:
    """Run the benchmarks, each in a process of its own, or draw the times that they have kept."""
    from tools import environment, native

    if chosen.chart:
        from benchmarks import chart

        chart.draw()
        return 0

    environment.require_all()
    python = environment.ready("build", "run", "test", "bench")
    native.in_place(python)
    names = [chosen.only] if chosen.only else benchmark_names()
    for name in names:
        machine.run([python, "-m", f"benchmarks.bench_{name}"])
    return 0


def clean(_chosen: argparse.Namespace) -> int:
    """Remove all that was built here; cargo's target folder is cargo's: `cargo clean`."""
    from tools import native

    leftovers = [*native.PACKAGE.glob("_native.*.so"), *native.PACKAGE.glob("libremotemedia.so*")]
    for path in leftovers:
        path.unlink()
    for folder in (BUILD, ROOT / "dist"):
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def benchmark_names() -> list[str]:
    """The benchmarks there are: `benchmarks/bench_<name>.py`."""
    return sorted(path.stem[len("bench_") :] for path in (ROOT / "benchmarks").glob("bench_*.py"))


def _parser() -> argparse.ArgumentParser:
    from tools import suite

    width = shutil.get_terminal_size().columns
    parser = argparse.ArgumentParser(
        prog="build.py",
        description=DESCRIPTION,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=min(width, 120)),
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(action, summary: str) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
        sub = commands.add_parser(action.__name__, help=summary, description=summary)
        sub.set_defaults(action=action)
        return sub

    command(demo, "build everything and draw a recording: how loud it is, and where somebody speaks")
    names = [check.name for check in suite.CHECKS]
    tests = command(test, "run every check of the project: Rust, C, Python, formats, types, header")
    tests.add_argument(
        "check", nargs="*", choices=[*names, []], metavar="CHECK", help=f"only these: {', '.join(names)}"
    )
    proofs = command(prove, "prove the ABI: sanitizers, valgrind, panics, exits, old programs; prints a table")
    proofs.add_argument("area", nargs="*", metavar="AREA", help="only these rows of the table")
    builds = command(build, "build the shared library and the Python extension")
    builds.add_argument("--wheel", action="store_true", help="make a wheel in dist/ too")
    from tools.target import TARGETS

    releases = command(release, "build the portable wheel and the archive of a platform into dist/")
    releases.add_argument(
        "--target",
        action="append",
        choices=[target.name for target in TARGETS],
        help=f"{', '.join(target.name for target in TARGETS)}; default: the first; may be given again",
    )
    command(weights, "fetch the weights of the speech detector, which cargo needs to build the library")
    headers = command(header, "generate include/remotemedia.h from the Rust sources")
    headers.add_argument("--check", action="store_true", help="only compare header, sources, library and symbol list")
    command(generate, "make anew what is generated and committed: schema, nodes.py, docs, transcripts, licences")
    command(docs, "build the documentation site in .build/site; a broken link fails")
    benches = command(bench, "run the benchmarks")
    what = benches.add_mutually_exclusive_group()
    what.add_argument(
        "--chart", action="store_true", help="only draw docs/pictures/bench.svg, from what they have kept"
    )
    what.add_argument(
        "--only", choices=benchmark_names(), metavar="NAME", help=f"one of {', '.join(benchmark_names())}"
    )
    command(clean, "remove what was built here, except cargo's target folder")
    return parser
