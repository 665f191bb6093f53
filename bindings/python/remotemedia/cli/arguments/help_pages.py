"""The longer texts of `--help`, which follow the options of a command: Markdown, fitted to the terminal's width."""

from __future__ import annotations

EXIT_CODES = """\
exit codes:
  0    done
  1    an execution failed: the graph, or at least one file
  2    the command line is wrong
  3    a manifest is refused
  4    a file can't be read or written, or no file matches
  5    the native library can't be loaded
  130  interrupted (Ctrl-C)
  143  terminated (129 if the terminal went away)

What went wrong is on stderr. `remotemedia COMMAND --help` tells more about a command."""

INPUTS = """\
Inputs are files, pipes, and patterns such as `'calls/**/*.flac'`; `-` is what comes on stdin. Put `./` before a name
that begins with a hyphen."""

NAMED_INPUTS = """\
A manifest may name several inputs: `-i mic=a.wav -i reference=b.wav`. Several files for each go in together, one of
each at a time; names of results are made of the first input."""

NAMES = """\
Names may hold fields; quote them. `~` is your folder. Folders are made. A file appears when it is whole, and replaces
an earlier one; inputs are never replaced.

| field | is |
|---|---|
| {stem}, {name} | the name of the input, without and with its ending |
| {parent} | the name of its folder |
| {relative} | its path without the ending, below the folder where its pattern begins: may/a for \
calls/may/a.wav of 'calls/**/*.wav' |
| {index} | its number, from 1 |
| {sink} | the name of the output that results come from, or the id of its node |
| {n} | the number of the value, where an input gives several files |"""

INDEX = """\
`--index FILE` gets a row of JSON for each input: its duration in seconds, what `--measure` asks for, the last value of
each sink, its files, its error; an index that ends in .parquet becomes one at the end. If the command is cut off, by
Ctrl-C or kill -9 alike, repeat it with `--resume`: inputs that the index has as done and that did not change are left
out, failed ones are run again."""

SHARDS = """\
`--shard-format` puts audio into archives with `--shard-size` samples each. For webdataset `-o` is a folder or a name
such as 'shards/{shard:06d}.tar', for shar and nemo a folder."""

RUN = f"""\
{INPUTS}

{NAMED_INPUTS}

MANIFEST is a JSON or YAML file, `-` for stdin, or the text itself, also as it is written in Python:

    remotemedia run 'AudioDecode >> AudioLevel(window_ms=1000)' -i talk.flac
    remotemedia run 'AudioDecode >> "python:mynodes:louder"' \\
        --python mynodes -i talk.flac -o louder.wav

Where results go:

| -o | gives |
|---|---|
| results/ | a folder with a file for each input: STEM.wav for audio, STEM.npy for arrays, STEM.jsonl \
for other values, and what a node made as a file with the ending it has |
| levels.jsonl | JSON lines for all inputs together; .json is one array, .csv a table |
| 'clean/{{stem}}.flac' | a file for each input; audio is encoded as .wav, .flac or .opus, .npy holds arrays |
| - | stdout: audio as WAV, other values as JSON lines, or what --format names |
| mel='mel/{{stem}}.npy' | the results of the node mel alone; -o may stand several times |

{NAMES}

{INDEX}

{SHARDS}"""

CONVERT = f"""\
{INPUTS}

The ending of OUT is the format: .wav, .flac, .opus, or .npy for an array of float32 with the shape (channels, frames).
A folder gets STEM.wav, or what `--format` names. With `-o -` the audio goes to stdout. `-o` may stand several times.

{NAMES}

{INDEX}

{SHARDS}

Examples:

    remotemedia convert talk.m4a -o talk.flac
    remotemedia convert 'calls/**/*.mp3' -o 'out/{{relative}}.flac' \\
        --rate 16000 --channels 1 -j 4
    curl -s https://example.org/talk.mp3 \\
        | remotemedia convert - -o - --rate 8000 | aplay"""

LEVELS = f"""\
{INPUTS}

Without `--window-ms` there is a line for each file: its length, integrated loudness and loudness range (EBU R 128),
true peak and largest sample. With it there is one for each window: RMS and peak in dBFS, and a verdict on the volume. A
number that does not exist, such as the loudness of silence, is a dash, null in JSON, and nothing in CSV.

`-o` writes instead of printing: levels.csv, levels.json, levels.jsonl, or a file for each input.

{NAMES}

{INDEX}

Examples:

    remotemedia levels *.wav
    remotemedia levels 'calls/**/*.flac' -o levels.csv -j 4
    remotemedia levels talk.flac --window-ms 1000 --json \\
        | jq -c 'select(.rms_db > -20)'"""

SEGMENTS = f"""\
{INPUTS}

There is a line for each segment in which somebody speaks: start, end and length in seconds. The detector is Silero VAD.

`-o` writes instead of printing: segments.csv, segments.json, segments.jsonl, a file for each input, or with {{n}} in a
name that ends in .wav, .flac or .opus the audio of each segment. `-o` may stand several times.

{NAMES}

{INDEX}

{SHARDS}

Examples:

    remotemedia segments call.flac
    remotemedia segments 'calls/*.flac' --min-silence-ms 300 \\
        -o 'cut/{{stem}}-{{n}}.flac' -o cut/segments.csv"""

INFO = f"""\
{INPUTS}

All of a file is decoded, so that frames and duration are counted and not believed. With `--json` there is an object on
a line for each file. One file that fails does not end the others.

`--codecs` lists the codecs that are built in, and those of FFmpeg, whose libraries are used for other files if they are
installed. `REMOTEMEDIA_FFMPEG=off` switches them off, `REMOTEMEDIA_FFMPEG=/folder` takes those of a folder."""

NODES = """\
With `--json` there is one array of all types, or the object of one: summary, doc, ports, the schema of its params, and
an example."""
