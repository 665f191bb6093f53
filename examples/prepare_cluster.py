"""Does what prepare_dataset.py does on all machines of a Ray cluster: the same pipelines, the same files.

python examples/prepare_cluster.py FOLDER OUT

FOLDER and OUT are on a disk that all machines have. Only paths and summaries travel. OUT/done has a row for each
recording by the hash of its content, its name and the pipelines: started again, the program leaves those alone.
Without a cluster (RAY_ADDRESS) it makes one of this machine. Needs numpy and `pip install 'remotemedia[ray]'`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, TypedDict

# Before Ray is imported: it reports nothing of this program.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import numpy as np
import ray
import remotemedia as rm
from prepare_dataset import ENDINGS, SPECTRA, SPEECH
from remotemedia.integrations.ray import Pipeline


class Piece(TypedDict):
    """A piece of speech as it is saved."""

    seconds: float
    flac: bytes
    spectra: rm.Tensor


@rm.node
def piece(segment: dict[str, Any]) -> Piece:
    """Encode a segment, and compute its spectra."""
    sound = segment["audio"]
    (spectra,) = SPECTRA.run_sync([sound])
    file = io.BytesIO()
    rm.write(file, sound, format="flac")
    return {"seconds": sound.duration, "flac": file.getvalue(), "spectra": spectra}


PIECES = SPEECH >> piece(name="pieces")
VERSION = f"{SPEECH.to_json()}{SPECTRA.to_json()}".encode()


class Prepare(Pipeline):
    """Prepares recordings by their paths and saves what comes of them; a row that was saved before is read again."""

    def __init__(self, out: Path) -> None:
        super().__init__(PIECES, arrays=True)
        self.out = out

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A row for each path: its key, pieces, seconds and error."""
        keys = {path: key_of(Path(path)) for path in batch["path"]}
        rows = {path: self.saved(key) for path, key in keys.items()}
        todo = [path for path in keys if rows[path] is None]
        if todo:
            for made in super().__call__({"path": todo}).to_pylist():
                path = made["path"]
                rows[path] = self.save(Path(path), keys[path], made["pieces"], made["error"])
        names = ("path", "key", "pieces", "seconds", "error", "again")
        found = [{"path": path, **(rows[path] or {})} for path in batch["path"]]
        return {name: [row[name] for row in found] for name in names}

    def saved(self, key: str) -> dict[str, Any] | None:
        """The row of a recording that is done."""
        try:
            return {**json.loads((self.out / "done" / f"{key}.json").read_bytes()), "again": True}
        except FileNotFoundError:
            return None

    def save(self, path: Path, key: str, pieces: list[Any] | None, error: str | None) -> dict[str, Any]:
        """Write the pieces, and the row last: what is cut off before it is done again, under the same names."""
        pieces = pieces or []
        for number, made in enumerate(pieces):
            name = self.out / f"{path.stem}_{number:03}"
            replace(name.with_suffix(".flac"), made["flac"])
            file = io.BytesIO()
            np.save(file, np.asarray(rm.Tensor(**made["spectra"])))
            replace(name.with_suffix(".npy"), file.getvalue())
        seconds = sum(made["seconds"] for made in pieces)
        row = {"key": key, "pieces": len(pieces), "seconds": seconds, "error": error}
        if error is None:
            replace(self.out / "done" / f"{key}.json", json.dumps(row).encode())
        return {**row, "again": False}


def key_of(path: Path) -> str:
    """The hash of a recording's content and name, and of the pipelines; without content where it can't be read."""
    found = hashlib.sha256(path.name.encode() + VERSION)
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                found.update(part)
    except OSError:
        pass  # The pipeline says why.
    return found.hexdigest()


def replace(path: Path, data: bytes) -> None:
    """Write a file that is whole or not there, also where two workers write it at once."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)


def main(folder: Path, out: Path) -> int:
    """Prepare a folder; returns the exit code: 1 if a file failed."""
    paths = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    (out / "done").mkdir(parents=True, exist_ok=True)
    actors = max(1, int(ray.cluster_resources()["CPU"]) - 1)
    recordings = ray.data.from_items([{"path": path} for path in paths])
    made = recordings.map_batches(
        Prepare,
        fn_constructor_args=[out.resolve()],
        batch_size=8,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
    )
    pieces, seconds, failed, again = 0, 0.0, 0, 0
    for row in made.iter_rows():
        pieces, seconds, again = pieces + row["pieces"], seconds + row["seconds"], again + row["again"]
        if row["error"] is not None:
            failed += 1
            print(f"{Path(row['path']).name}: {row['error']}", file=sys.stderr)
    print(f"{pieces} pieces of speech, {seconds:.1f} s, from {len(paths) - failed} of {len(paths)} files", end="")
    print(f", {again} of them done before" if again else "")
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    local: dict[str, Any] = {"num_cpus": 3, "include_dashboard": False, "object_store_memory": 100 << 20}
    ray.init(log_to_driver=False, **({} if os.environ.get("RAY_ADDRESS") else local))
    try:
        code = main(Path(sys.argv[1]), Path(sys.argv[2]))
    finally:
        ray.shutdown()
    raise SystemExit(code)
