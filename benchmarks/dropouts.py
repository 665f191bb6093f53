"""What `SilenceDetector` finds of gaps in speech, beside ten lines of code: `python3 benchmarks/dropouts.py`.

The material comes from Debian: human speech from `pocketsphinx-testdata`, `alsa-utils` and
`asterisk-core-sounds-en-wav`, synthetic speech by `espeak-ng` and `flite`, which this script makes. Whatever is not
installed is left out, and said. The work is done by `runtime/nodes/examples/dropouts.rs`, which states what counts as a
gap that can be found.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HUMAN = {
    "pocketsphinx-testdata": "/usr/share/pocketsphinx/test/data",
    "alsa-utils": "/usr/share/sounds/alsa",
    "asterisk-core-sounds-en-wav": "/usr/share/asterisk/sounds/en_US_f_Allison",
}
TEXTS = (
    "At twenty past ten, the captain took the packet to the dock, and kept talking to two cooks about tea.",
    "Please press one to talk to an operator, two to check your account, or the star key to go back to the top.",
    "The quick brown fox jumps over the lazy dog; Peter Piper picked a peck of pickled peppers. It looked like it.",
    "Good morning. You have three new messages and seven old ones. To hear them, press one now.",
    "Six patient cats sat on top of the kitchen cupboard; it is not that big a deal, he thought, and kept quiet.",
)


def main() -> None:
    """Make the synthetic speech, and run the example over all there is."""
    with tempfile.TemporaryDirectory() as folder:
        human = [path for path in HUMAN.values() if Path(path).is_dir()]
        human = human or [str(ROOT / "tests" / "media" / "librivox")]
        groups = [f"human={','.join(human)}", *synthetic(Path(folder))]
        missing = [package for package, path in HUMAN.items() if not Path(path).is_dir()]
        missing += [program for program in ("espeak-ng", "flite") if not shutil.which(program)]
        if missing:
            print("not installed, so left out:", ", ".join(missing))
        command = ["cargo", "run", "--release", "-p", "remotemedia-nodes", "--example", "dropouts", "--", *groups]
        subprocess.run(command, cwd=ROOT, check=True)


def synthetic(folder: Path) -> list[str]:
    """The groups of synthetic speech, as arguments of the example."""
    groups = []
    for program, voices in (
        ("espeak-ng", ("en", "en+f2", "en-us+f3", "en+m3", "de", "fr", "es", "it", "pl", "ru", "tr")),
        ("flite", ("kal", "rms", "slt")),
    ):
        if not shutil.which(program):
            continue
        (folder / program).mkdir()
        for voice in voices:
            for number, text in enumerate(TEXTS):
                path = folder / program / f"{voice}-{number}.wav"
                options = (
                    ["-v", voice, "-w", path, text]
                    if program == "espeak-ng"
                    else ["-voice", voice, "-t", text, "-o", path]
                )
                subprocess.run([program, *options], check=True)
        groups.append(f"{program}={folder / program}")
    return groups


if __name__ == "__main__":
    main()
