"""The peers that benchmarks run beside: what is installed for each, pinned, in a virtual environment of its own.

An environment is made in `.build/peers/NAME` when a benchmark first needs it. Peers never see each other, nor this
project, unless a side runs both: some of them install packages of the same name.

    python3 -m benchmarks.peers NAME

installs one that takes too much of a disk to be installed unasked.
"""

from __future__ import annotations

import shutil
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

from tools import environment, weights
from tools.machine import BUILD, Problem, output_of, say
from tools.stamp import Stamp, digest

FOLDER = BUILD / "peers"
# What this package needs where it runs beside a peer.
OURS = (*environment.GROUPS["run"], *environment.GROUPS["build"])


@dataclass(frozen=True)
class Peer:
    """What to install, what of it without the packages that it asks for, and what has to load.

    One that takes `gigabytes` is used where it is: installed by hand, or any other Python at its place that loads it.
    """

    packages: tuple[str, ...]
    module: str
    alone: tuple[str, ...] = ()
    gigabytes: int = field(default=0, repr=False)


PEERS = {
    "soxr": Peer(("numpy==2.4.6", "soxr==1.1.0"), "soxr"),
    # silero-vad would bring torch; only its model is needed.
    "onnxruntime": Peer(("numpy==2.4.6", "onnxruntime==1.32.0"), "onnxruntime", alone=(weights.PACKAGE,)),
    "soxr-onnxruntime": Peer(
        ("numpy==2.4.6", "soxr==1.1.0", "onnxruntime==1.32.0"), "onnxruntime", alone=(weights.PACKAGE,)
    ),
    "pyav-soxr-onnxruntime": Peer(
        ("numpy==2.4.6", "av==18.1.0", "soxr==1.1.0", "onnxruntime==1.32.0"), "av", alone=(weights.PACKAGE,)
    ),
    "librosa-onnxruntime": Peer(
        ("numpy==2.4.6", "librosa==0.11.0", "onnxruntime==1.32.0"), "librosa", alone=(weights.PACKAGE,)
    ),
    # Beside what the tests of this project install, Ray takes 2 s longer to import, in each of its processes.
    "ray": Peer(("numpy==2.4.6", environment.RAY, *OURS), "ray.data"),
    # What torch brings for GPUs takes nearly all of this.
    "torch": Peer(("numpy==2.4.6", "torch==2.15.0", "torchcodec==0.17.0", *OURS), "torchcodec", gigabytes=5),
    "soundfile": Peer(("numpy==2.4.6", "soundfile==0.14.0"), "soundfile"),
    "soundfile-soxr": Peer(("numpy==2.4.6", "soundfile==0.14.0", "soxr==1.1.0"), "soundfile"),
    "pyav": Peer(("numpy==2.4.6", "av==18.1.0"), "av"),
    "remotemedia-ffi": Peer(("numpy==2.4.6", "remotemedia-ffi==0.4.4"), "remotemedia.runtime"),
    "pipecat": Peer(("pipecat-ai==1.14.0",), "pipecat.pipeline.pipeline"),
}


def python_of(name: str) -> Path:
    """The Python of a peer, installed if it is not there yet. Raises `Problem` if it can't be."""
    peer, folder = PEERS[name], FOLDER / name
    python = folder / "bin" / "python"
    if not peer.gigabytes:
        install(name)
    elif not python.exists():
        raise Problem(f"it takes {peer.gigabytes} GB, and `python3 -m benchmarks.peers {name}` installs it.")
    # Some install where they do not load.
    output_of([python, "-c", f"import {peer.module}"], cwd=folder)
    return python


def install(name: str) -> None:
    """Installs a peer, if it is not there yet. Raises `Problem` if it can't be."""
    peer, python = PEERS[name], FOLDER / name / "bin" / "python"
    stamp = Stamp(f"peer-{name}")
    key = digest([], sys.version, peer)
    if stamp.outputs(key) is None:
        _install(name, FOLDER / name, python)
        stamp.write(key, [python])


def why_not(name: str) -> str | None:
    """The last line of what went wrong when a peer was installed or loaded; None if it is there."""
    try:
        python_of(name)
    except Problem as problem:
        return str(problem).splitlines()[-1]
    return None


def _install(name: str, folder: Path, python: Path) -> None:
    peer = PEERS[name]
    say(f"installing the peer {name} into .build/peers: {' '.join((*peer.packages, *peer.alone))}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True, symlinks=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for options in ([*peer.packages], ["--no-deps", *peer.alone] if peer.alone else []):
        if options:
            output_of([*command, *options])


def main() -> None:
    """Install the peers that the command line names."""
    for name in sys.argv[1:]:
        if name not in PEERS:
            raise Problem(f"there is no peer {name!r}, but {', '.join(PEERS)}.")
        install(name)


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(f"benchmarks.peers: {problem}")
