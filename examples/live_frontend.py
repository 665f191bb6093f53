"""The front end of a voice agent: frames of 20 ms at the pace of a microphone, and a function for each piece of speech.

python examples/live_frontend.py [FILE [SPEED]]

Prints how long after its last sample each piece was there, and how late frames were. SPEED 10 is ten times as fast.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import remotemedia as rm
from remotemedia.nodes import SpeechSegments

RATE = 16_000
FRAME_S = 0.02
SILENCE_S = 1.0


async def heard(segment: dict[str, object]) -> None:
    """What your agent does with a piece of speech."""
    sound = segment["audio"]
    print(f"speech from {segment['start_s']:.2f} s to {segment['end_s']:.2f} s: {sound}", flush=True)


async def play(session: rm.Session, pcm: bytes, speed: float) -> list[float]:
    """Send frames when a microphone would give them; returns how late each was, in seconds."""
    loop = asyncio.get_running_loop()
    size = round(RATE * FRAME_S) * 2
    begun = loop.time()
    late = []
    for number, start in enumerate(range(0, len(pcm), size), 1):
        due = begun + number * FRAME_S / speed
        await asyncio.sleep(max(0.0, due - loop.time()))
        await session.send(pcm[start : start + size])
        late.append(loop.time() - due)
    await session.finish()
    return late


async def main(path: Path, speed: float) -> None:
    """Play a recording into the pipeline and hear what it finds."""
    sound = await rm.aread(path, rate=RATE, channels=1)
    pcm = sound.to_pcm("s16") + bytes(round(SILENCE_S * RATE) * 2)
    loop = asyncio.get_running_loop()
    pipeline = rm.Pipeline("front end") >> SpeechSegments(min_silence_duration_ms=250)
    async with pipeline.session(input=rm.PCM("s16", RATE, 1)) as session:
        begun = loop.time()

        async def hear() -> int:
            pieces = 0
            async for packet in session:
                after = (loop.time() - begun) * speed - packet.value["end_s"]
                await heard(packet.value)
                print(f"  there {after * 1000:.0f} ms after it ended")
                pieces += 1
            return pieces

        frames, pieces = await asyncio.gather(play(session, pcm, speed), hear())
        late = sorted(frames)
    print(f"{pieces} pieces of speech in {len(late)} frames")
    print(f"frames were late by {late[len(late) // 2] * 1000:.2f} ms in the middle, {late[-1] * 1000:.2f} ms at most")


if __name__ == "__main__":
    words = sys.argv[1:]
    recording = Path(words[0]) if words else Path(__file__).with_name("speech.flac")
    asyncio.run(main(recording, float(words[1]) if len(words) > 1 else 1.0))
