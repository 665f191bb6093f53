"""The peers that benchmarks run beside: what is installed for each, pinned, in a virtual environment of its own.

An environment is made in `.build/peers/NAME` when a benchmark first needs it. Peers never see each other, nor this
project: some of them install packages of the same name.
"""

from __future__ import annotations

import shutil
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tools import weights
from tools.machine import BUILD, Problem, output_of, say
from tools.stamp import Stamp, digest

FOLDER = BUILD / "peers"


@dataclass(frozen=True)
class Peer:
    """What to install, and what of it without the packages that it asks for."""

    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()


PEERS = {
    "soxr": Peer(("numpy==2.4.6", "soxr==1.1.0")),
    # silero-vad would bring torch; only its model is needed.
    "onnxruntime": Peer(("numpy==2.4.6", "onnxruntime==1.32.0"), alone=(weights.PACKAGE,)),
    "soundfile": Peer(("numpy==2.4.6", "soundfile==0.14.0")),
    "pyav": Peer(("numpy==2.4.6", "av==18.1.0")),
}


def python_of(name: str) -> Path:
    """The Python of a peer, installed if it is not there yet. Raises `Problem` if it can't be."""
    peer, folder = PEERS[name], FOLDER / name
    python = folder / "bin" / "python"
    stamp = Stamp(f"peer-{name}")
    key = digest([], sys.version, peer)
    if stamp.outputs(key) is not None:
        return python
    say(f"installing the peer {name} into .build/peers: {' '.join((*peer.packages, *peer.alone))}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True, symlinks=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for options in ([*peer.packages], ["--no-deps", *peer.alone] if peer.alone else []):
        if options:
            output_of([*install, *options])
    stamp.write(key, [python])
    return python


def why_not(name: str) -> str | None:
    """The last line of what went wrong when a peer was installed; None if it is there."""
    try:
        python_of(name)
    except Problem as problem:
        return str(problem).splitlines()[-1]
    return None
