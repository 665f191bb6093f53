"""`.numpy()`, `.torch()` and `.jax()` of `Audio` and `Tensor`: the same numbers, in the same memory if it may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"
ONE_TO_SIX = numpy.arange(1, 7, dtype="float32").reshape(2, 3)
NO_TORCH = "torch is not installed: pip install 'remotemedia[torch]'"
NO_JAX = "jax is not installed: pip install 'remotemedia[jax]'"


def plain(dtype: str = "float32", *, readonly: bool = False) -> rm.Tensor:
    content = ONE_TO_SIX.astype(dtype).tobytes()
    return rm.Tensor(content if readonly else bytearray(content), dtype, (2, 3))


def aligned(shape: tuple[int, int]) -> numpy.ndarray[Any, Any]:
    """An array whose address 64 divides, as jax wants it."""
    count = shape[0] * shape[1]
    room = numpy.zeros(count + 16, "float32")
    begin = -room.ctypes.data % 64 // 4
    return room[begin : begin + count].reshape(shape)


def address(array: Any) -> int:
    return int(numpy.asarray(array).ctypes.data)


def test_numpy_has_the_same_memory() -> None:
    audio = rm.read(SPEECH)
    assert audio.numpy().shape == (1, audio.frames)
    assert address(audio.numpy()) == address(audio.samples)
    tensor = plain()
    tensor.numpy()[0, 0] = 7
    assert tensor.tolist() == [[7, 2, 3], [4, 5, 6]]
    assert not plain(readonly=True).numpy().flags.writeable
    with pytest.raises(TypeError, match=r"numpy has no bfloat16; tensor\.torch\(\) and tensor\.jax\(\) take it"):
        rm.Tensor(bytes(12), "bfloat16", (2, 3)).numpy()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_sixteen_bits_are_the_nearest_and_saturate(channels: int) -> None:
    chance = numpy.random.default_rng(7)
    samples = chance.uniform(-1.1, 1.1, (channels, 5000)).astype("float32")
    samples[0, :6] = [1.0, -1.0, 0.0, 32767 / 32768, 1e9, -1e9]
    converted = rm.Audio(samples, 8000).numpy("int16")
    assert (converted.dtype, converted.shape) == (numpy.int16, samples.shape)
    assert converted[0, :6].tolist() == [32767, -32768, 0, 32767, 32767, -32768]
    # Doubles hold these products exactly.
    exact = numpy.clip(samples.astype("float64") * 32768, -32768, 32767)
    assert numpy.abs(converted - exact).max() <= 0.5
    assert rm.Audio(samples[:, :0], 8000).numpy("int16").shape == (channels, 0)
    converted[:] = 0


@pytest.mark.parametrize(
    ("dtype", "cure", "largest"),
    [
        ("float64", "; for other floats: ", 0.5),
        (numpy.int16, "; write ", 2**14),
        ("int32", "; for integers of this size: ", 2**30),
        (numpy.dtype("uint8"), "; for integers of this size: ", 192),
    ],
)
def test_the_cure_for_another_type_gives_the_samples(dtype: Any, cure: str, largest: float) -> None:
    audio = rm.Audio(numpy.array([[0.0, 0.5, -0.5], [0.5, 0.0, 0.0]], "float32"), 8000)
    with pytest.raises(rm.InvalidArgumentError) as refused:
        audio.numpy(dtype)
    message, _, code = str(refused.value).partition(cure)
    assert message == f"dtype must be 'float32' or 'int16', got {dtype!r}"
    made = eval(code, {"audio": audio, "numpy": numpy})
    assert (made.dtype, made.shape) == (numpy.dtype(dtype), (2, 3))
    assert made[0, 1] == made[1, 0] == largest == made.max()


def test_torch_has_the_same_memory() -> None:
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    audio = rm.read(SPEECH)
    samples = audio.torch()
    assert samples.dtype == torch.float32
    assert tuple(samples.shape) == (1, audio.frames)
    assert samples.data_ptr() == address(audio.samples)
    assert numpy.array_equal(samples.numpy(), audio.samples)
    # It lives on without the audio.
    expected = audio.samples.copy()
    del audio
    assert numpy.array_equal(samples.numpy(), expected)
    tensor = plain()
    tensor.torch()[0, 0] = 7
    assert tensor.tolist() == [[7, 2, 3], [4, 5, 6]]
    part = rm.Audio(numpy.zeros((2, 100), "float32")[:, 10:60], 8000)
    assert part.torch().data_ptr() == address(part.samples)
    assert part.torch().stride() == (100, 1)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "float16", "float32", "float64", "complex64"],
)
def test_torch_has_the_same_numbers_of_every_type(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    for readonly in (False, True):
        converted = plain(dtype, readonly=readonly).torch()
        assert str(converted.dtype) == f"torch.{dtype}"
        assert torch.equal(converted, torch.from_numpy(ONE_TO_SIX.astype(dtype)))


def test_torch_takes_bfloat16_and_tensors_without_elements() -> None:
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    expected = torch.tensor([1.5, -2.0, 0.25], dtype=torch.bfloat16)
    content = bytes(expected.view(torch.uint8).numpy())
    assert torch.equal(rm.Tensor(content, "bfloat16", (3,)).torch(), expected)
    assert tuple(rm.Tensor(b"", "float32", (2, 0)).torch().shape) == (2, 0)


@pytest.mark.filterwarnings("error")
def test_torch_gets_a_copy_of_what_may_only_be_read() -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    content = ONE_TO_SIX.tobytes()
    tensor = rm.Tensor(content, "float32", (2, 3))
    frozen = ONE_TO_SIX.copy()
    frozen.flags.writeable = False
    audio = rm.Audio(frozen, 8000)
    for converted in (tensor.torch(), audio.torch()):
        assert converted.tolist() == ONE_TO_SIX.tolist()
        converted[:] = 0
    assert content == ONE_TO_SIX.tobytes()
    assert frozen.tolist() == ONE_TO_SIX.tolist()


def test_a_batch_is_what_torch_pads() -> None:
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    chance = numpy.random.default_rng(4)
    for channels in (1, 2):
        shapes = [(channels, frames) for frames in (5, 19, 12)]
        audios = [rm.Audio(chance.uniform(-1, 1, shape).astype("float32"), 8000) for shape in shapes]
        batch, lengths = rm.pad_batch(audios, value=0.5)
        # torch pads the first dimension of each.
        padded = torch.nn.utils.rnn.pad_sequence(
            [audio.torch().T for audio in audios], batch_first=True, padding_value=0.5
        ).transpose(1, 2)
        assert torch.equal(batch.torch(), padded[:, 0] if channels == 1 else padded)
        assert lengths == [5, 19, 12]


def test_jax_has_the_same_memory_where_it_is_aligned() -> None:
    jax = pytest.importorskip("jax", reason=NO_JAX)
    samples = aligned((2, 300))
    samples[:] = numpy.random.default_rng(6).uniform(-1, 1, samples.shape)
    for value in (rm.Audio(samples, 8000), rm.Tensor(samples, "float32", (2, 300))):
        converted = value.jax()
        assert isinstance(converted, jax.Array)
        assert converted.unsafe_buffer_pointer() == address(samples)
        assert numpy.array_equal(numpy.asarray(converted), samples)


def test_bfloat16_of_jax_is_refused_with_the_cure() -> None:
    jnp = pytest.importorskip("jax.numpy", reason=NO_JAX)
    with pytest.raises(rm.MarshalError) as refused:
        rm.Audio(jnp.ones((1, 5), jnp.bfloat16), 8000)
    assert str(refused.value) == 'samples are bfloat16; Audio holds float32: write samples.astype("float32")'


def test_jax_gets_a_copy_of_what_it_can_not_share() -> None:
    pytest.importorskip("jax", reason=NO_JAX)
    frozen = ONE_TO_SIX.copy()
    frozen.flags.writeable = False
    apart = numpy.zeros((2, 6), "float32")[:, :3]
    apart[:] = ONE_TO_SIX
    for value in (rm.Audio(frozen, 8000), rm.Audio(apart, 8000), plain(readonly=True), plain()):
        assert value.jax().tolist() == ONE_TO_SIX.tolist()
    for data in (b"", bytearray()):
        assert rm.Tensor(data, "float32", (0, 3)).jax().shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("audio.numpy()", "Audio.numpy needs the package numpy; install it: pip install 'remotemedia[numpy]'"),
        ("audio.torch()", "Audio.torch needs the package torch; install it: pip install 'remotemedia[torch]'"),
        ("audio.jax()", "Audio.jax needs the package jax; install it: pip install 'remotemedia[jax]'"),
        ("tensor.numpy()", "Tensor.numpy needs the package numpy; install it: pip install 'remotemedia[numpy]'"),
        ("tensor.torch()", "Tensor.torch needs the package torch; install it: pip install 'remotemedia[torch]'"),
        ("tensor.jax()", "Tensor.jax needs the package jax; install it: pip install 'remotemedia[jax]'"),
    ],
)
def test_a_missing_library_is_named_with_its_installation(call: str, message: str) -> None:
    program = f"""
import array, sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "torch", "jax"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nowhere())
import remotemedia as rm
audio = rm.Audio(array.array("f", [1, 2]), 8000)
tensor = rm.Tensor(bytes(8), "float32", (2,))
try:
    {call}
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == message
