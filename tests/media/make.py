"""Makes the media files of this directory anew: `python3 make.py`. Needs ffmpeg with mp3lame, vorbis and opus."""

import math
import struct
import subprocess
import wave


def reference(rate: int, frames: int, channels: int) -> list[list[float]]:
    """A steady tone on the left, a rising sweep on the right; the tests compute the same in Rust."""
    left = [0.5 * math.sin(2 * math.pi * 440 * n / rate) for n in range(frames)]
    right = [0.4 * math.sin(2 * math.pi * (200 * n / rate + 900 * (n / rate) ** 2)) for n in range(frames)]
    return [left, right][:channels]


def write_wav(path: str, rate: int, frames: int, channels: int) -> None:
    planes = reference(rate, frames, channels)
    with wave.open(path, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = [round(plane[n] * 32768) for n in range(frames) for plane in planes]
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def ffmpeg(source: str, *arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, "-map_metadata", "-1", *arguments], check=True)


write_wav("/tmp/stereo.wav", 44100, 44100, 2)
write_wav("/tmp/mono.wav", 16000, 16000, 1)
write_wav("/tmp/short.wav", 16000, 8000, 2)
write_wav("/tmp/opus.wav", 48000, 24000, 2)
ffmpeg("/tmp/stereo.wav", "-c:a", "libmp3lame", "-b:a", "128k", "stereo.mp3")
ffmpeg("/tmp/stereo.wav", "-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0", "bare.mp3")
ffmpeg("/tmp/mono.wav", "-c:a", "libmp3lame", "-b:a", "64k", "mono.mp3")
ffmpeg("/tmp/stereo.wav", "-c:a", "libvorbis", "-q:a", "4", "stereo.ogg")
ffmpeg("/tmp/mono.wav", "-c:a", "libvorbis", "-q:a", "4", "-page_duration", "100000", "mono.ogg")
ffmpeg("/tmp/stereo.wav", "-c:a", "aac", "-b:a", "128k", "stereo.m4a")
ffmpeg("/tmp/mono.wav", "-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart", "mono.m4a")
ffmpeg("/tmp/stereo.wav", "-c:a", "aac", "-b:a", "128k", "-f", "adts", "stereo.aac")
# Noise, of which the encoder writes the power alone. The committed file is by PyAV 18.1, from another noise.
NOISE = "anoisesrc=r=32000:d=2.5:a=0.3:seed=5"
subprocess.run(
    ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", NOISE, "-c:a", "aac", "-b:a", "24k", "noise.aac"], check=True
)
ffmpeg("/tmp/short.wav", "-c:a", "alac", "alac.m4a")
ffmpeg("/tmp/short.wav", "-c:a", "flac", "short.flac")
ffmpeg("/tmp/mono.wav", "-c:a", "libopus", "-b:a", "32k", "mono.opus")
for rate in (88200, 96000):
    write_wav("/tmp/high.wav", rate, rate // 4, 1)
    ffmpeg("/tmp/high.wav", "-c:a", "aac", "-b:a", "80k", f"rate-{rate}.m4a")
write_wav("/tmp/half.wav", 44100, 22050, 2)
ffmpeg("/tmp/half.wav", "-c:a", "libvorbis", "-q:a", "2", "vorbis.webm")
ffmpeg("/tmp/short.wav", "-c:a", "mp2", "-b:a", "64k", "stereo.mp2")
ffmpeg("/tmp/short.wav", "-c:a", "flac", "-strict", "-2", "flac.mp4")
ffmpeg("/tmp/short.wav", "-c:a", "flac", "flac.mka")
# What FFmpeg decodes of its own ADPCM stands beside it.
write_wav("/tmp/quarter.wav", 8000, 2000, 2)
ffmpeg("/tmp/quarter.wav", "-c:a", "alac", "alac.caf")
for codec, name in (("ima_wav", "ima.wav"), ("ms", "ms.wav"), ("ima_qt", "ima4.aifc"), ("ima_qt", "ima4.caf")):
    ffmpeg("/tmp/quarter.wav", "-c:a", f"adpcm_{codec}", name)
    ffmpeg(name, "-f", "s16le", name.replace(".", "-") + ".pcm")
ffmpeg("/tmp/opus.wav", "-c:a", "libopus", "-b:a", "96k", "stereo.opus")
ffmpeg("/tmp/opus.wav", "-c:a", "libopus", "-b:a", "96k", "stereo.webm")
# Each of the six channels has a tone of its own, so that a wrong order shows.
SIX_TONES = "aevalsrc=" + "|".join(f"0.3*sin({hertz}*2*PI*t)" for hertz in (300, 500, 700, 40, 900, 1100))
subprocess.run(
    f"ffmpeg -v error -y -f lavfi -i {SIX_TONES}:s=48000:d=0.25:c=5.1 -c:a libopus -b:a 256k surround.opus".split(),
    check=True,
)
subprocess.run(
    "ffmpeg -v error -y -f lavfi -i testsrc=size=32x32:rate=5:duration=1 -an -c:v mpeg4 video.mp4",
    shell=True,
    check=True,
)
