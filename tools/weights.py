"""The weights of the speech detector: fetched from PyPI, checked, and put into the form that the library embeds.

They are no part of the repository. `runtime/silero/build.rs` takes them from `.build/weights`, or from where the
environment variable REMOTEMEDIA_VAD_WEIGHTS says. A source distribution carries them. Their licence is
`runtime/silero/LICENSE`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools.machine import BUILD, Problem, say

PACKAGE = "silero-vad==6.2.3"
WHEEL_SHA256 = "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"
MODEL = "silero_vad/data/silero_vad.onnx"
MODEL_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"

FOLDER = BUILD / "weights"
WEIGHTS = FOLDER / "silero_vad.f32"
WEIGHTS_SHA256 = "ae171af5f93553fa131fc95cb9e0399e5b457b47c832fca73052024c39293666"
VARIABLE = "REMOTEMEDIA_VAD_WEIGHTS"

# The network for 16 kHz, then the one for 8 kHz: the branch of the model's `If`, and the bins of its spectra.
NETWORKS = [("then_branch", 129), ("else_branch", 65)]


def tensors(bins: int) -> list[tuple[str, tuple[int, ...]]]:
    """The tensors of one network, in the order of the file, with their shapes. All are float32, little-endian."""
    convolutions = [(128, bins), (64, 128), (64, 64), (128, 64)]
    listed: list[tuple[str, tuple[int, ...]]] = []
    for index, (outputs, inputs) in enumerate(convolutions):
        name = f"encoder.{index}.reparam_conv"
        listed += [(f"{name}.weight", (outputs, inputs, 3)), (f"{name}.bias", (outputs,))]
    listed += [(f"decoder.rnn.weight_{which}", (512, 128)) for which in ("ih", "hh")]
    listed += [(f"decoder.rnn.bias_{which}", (512,)) for which in ("ih", "hh")]
    return [*listed, ("decoder.decoder.2.weight", (1, 128, 1)), ("decoder.decoder.2.bias", (1,))]


def ready() -> Path:
    """Where the weights are; fetches them if they are nowhere."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        if not Path(chosen).is_file():
            raise Problem(f"{VARIABLE} names {chosen}, which is no file: correct or unset it.")
        return Path(chosen).absolute()
    if _sha256(WEIGHTS) != WEIGHTS_SHA256:
        say(f"fetching the weights of the speech detector: {PACKAGE}")
        with tempfile.TemporaryDirectory() as folder:
            _extract(_download(Path(folder)))
    return WEIGHTS


def convert(model: bytes) -> bytes:
    """From the ONNX model to the tensors that the library needs, one after the other."""
    converted = bytearray()
    (condition,) = (node for node in _graph_nodes(_field(model, 7)) if _text(node, 4) == "If")
    branches = {_text(attribute, 1): _field(attribute, 6) for attribute in _fields(condition, 5)}
    for branch, bins in NETWORKS:
        found = dict(_constants(branches[branch]))
        for name, shape in tensors(bins):
            dimensions, data = found[name]
            if dimensions != shape or len(data) != 4 * math.prod(shape):
                raise Problem(f"the tensor {name} of {MODEL} has the shape {dimensions}, expected {shape}.")
            converted += data
    return bytes(converted)


def _download(folder: Path) -> Path:
    """Through pip, with the package index that it is set to."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", "utf-8")
    command = [_python_with_pip(), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", folder, "--requirement", requirements]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise Problem(
            f"the weights of the speech detector could not be fetched from the package index ({PACKAGE}): try again "
            f"with a connection, or set {VARIABLE} to a copy of {WEIGHTS.name} from a source distribution or another "
            f"build.\n{done.stderr.strip()}"
        )
    return wheels[0]


def _extract(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        model = archive.read(MODEL)
    weights = convert(model) if _digest(model) == MODEL_SHA256 else b""
    if _digest(weights) != WEIGHTS_SHA256:
        raise Problem(f"{wheel.name} does not hold what it should: see the checksums in tools/weights.py.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    fresh = WEIGHTS.with_name(f"{WEIGHTS.name}.{os.getpid()}")
    fresh.write_bytes(weights)
    os.replace(fresh, WEIGHTS)


def _python_with_pip() -> str:
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    from tools import environment

    return str(environment.ready())


# What of ONNX's protobuf messages is needed: ModelProto.graph 7, GraphProto.node 1, NodeProto {output 2, op_type 4,
# attribute 5}, AttributeProto {name 1, t 5, g 6}, TensorProto {dims 1, raw_data 9}.


def _constants(graph: bytes) -> Iterator[tuple[str, tuple[tuple[int, ...], bytes]]]:
    """The constant tensors of a graph: name, dimensions, data. Names lose what inlining has put before them."""
    for node in _graph_nodes(graph):
        if _text(node, 4) == "Constant":
            tensor = _field(_field(node, 5), 5)
            dimensions = tuple(value for value in _values(tensor, 1) if isinstance(value, int))
            yield _text(node, 2).rpartition("__Inline_0__")[2], (dimensions, b"".join(_fields(tensor, 9)))


def _graph_nodes(graph: bytes) -> list[bytes]:
    return _fields(graph, 1)


def _text(message: bytes, number: int) -> str:
    return _field(message, number).decode()


def _field(message: bytes, number: int) -> bytes:
    return _fields(message, number)[0]


def _fields(message: bytes, number: int) -> list[bytes]:
    return [value for value in _values(message, number) if isinstance(value, bytes)]


def _values(message: bytes, number: int) -> Iterator[int | bytes]:
    """The values of one field of a protobuf message: bytes where they have a length, else their number."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        value: int | bytes
        if kind == 0:
            value, position = _varint(message, position)
        else:
            length, position = (
                (8, position) if kind == 1 else (4, position) if kind == 5 else _varint(message, position)
            )
            value = message[position : position + length]
            position += length
        if key >> 3 == number:
            yield value


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def _sha256(file: Path) -> str | None:
    try:
        return _digest(file.read_bytes())
    except OSError:
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
