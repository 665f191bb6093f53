"""Compiles `remotemedia._native`: the C ABI of `include/remotemedia.h` as a Python module.

The declarations come from the committed header, and the C compiler checks each against it (cffi's API mode). The
module uses CPython's limited API, so one build serves every CPython from 3.10 on, and finds `libremotemedia.so`
beside itself.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULE = "remotemedia._native"
LIMITED_API = "0x030A0000"
LANE_DECLARATIONS = """
typedef struct rm_lane {
    rm_output output; rm_error *error; uint64_t token; rm_status status; uint32_t released;
    const rm_session *session; int64_t budget_us; const rm_buffer *buffers; size_t buffer_count;
} rm_lane;
int64_t rm_lane_submit(rm_lane *lane, const rm_pipeline *pipeline, const rm_port *port, const uint8_t *inputs,
                       size_t length, const rm_buffer *buffers, size_t buffer_count, int64_t timeout_us,
                       int64_t budget_us);
int32_t rm_lane_send(rm_lane *lane, const uint8_t *packets, size_t length, size_t most_outputs);
int32_t rm_lane_receive(rm_lane *lane, int64_t sink, size_t most_outputs);
int32_t rm_lane_next(rm_lane *lane, rm_port *port, int64_t timeout_us);
"""
"""What the binding adds to the header for itself."""

LANE_SOURCE = r"""
typedef struct rm_lane {
    rm_output output; rm_error *error; uint64_t token; rm_status status; uint32_t released;
    const rm_session *session; int64_t budget_us; const rm_buffer *buffers; size_t buffer_count;
} rm_lane;

/* The byte after the msgpack value at `at`, or NULL if it ends beyond `end`. */
static const uint8_t *rm_lane_skip(const uint8_t *at, const uint8_t *end)
{
    uint64_t left = 1;
    while (left-- > 0) {
        uint64_t body = 0;
        unsigned head, width = 0, children = 0, extra = 0;
        if (at >= end)
            return NULL;
        head = *at++;
        if (head <= 0x7f || head >= 0xe0) continue;
        if (head <= 0x8f) { left += 2 * (head & 0x0f); continue; }
        if (head <= 0x9f) { left += head & 0x0f; continue; }
        if (head <= 0xbf) body = head & 0x1f;
        else if (head <= 0xc3) continue;
        else if (head <= 0xc6) width = 1u << (head - 0xc4);
        else if (head <= 0xc9) { width = 1u << (head - 0xc7); extra = 1; }
        else if (head <= 0xcb) body = head == 0xca ? 4 : 8;
        else if (head <= 0xcf) body = 1u << (head - 0xcc);
        else if (head <= 0xd3) body = 1u << (head - 0xd0);
        else if (head <= 0xd8) body = 1 + (1u << (head - 0xd4));
        else if (head <= 0xdb) width = 1u << (head - 0xd9);
        else { width = head & 1 ? 4 : 2; children = head >= 0xde ? 2 : 1; }
        if ((uint64_t)(end - at) < width)
            return NULL;
        for (; width > 0; width--)
            body = body << 8 | *at++;
        if (children) { left += children * body; continue; }
        if ((uint64_t)(end - at) < body + extra)
            return NULL;
        at += body + extra;
    }
    return at;
}

static const uint8_t *rm_lane_expect(const uint8_t *at, const uint8_t *end, const char *bytes, size_t length)
{
    return at && (size_t)(end - at) >= length && memcmp(at, bytes, length) == 0 ? at + length : NULL;
}
#define RM_LANE_EXPECT(at, end, bytes) rm_lane_expect(at, end, bytes, sizeof(bytes) - 1)

/* Submits work. If it is done and succeeded, with one sink, and its completion and buffers lie in the lane's room:
   begin << 32 | end << 16 of the list of values | length of the completion; `released` is then where the list of
   released numbers begins, 0 if there is none. Else -1; `status` says more. */
static int64_t rm_lane_submit(rm_lane *lane, const rm_pipeline *pipeline, const rm_port *port, const uint8_t *inputs,
                              size_t length, const rm_buffer *buffers, size_t buffer_count, int64_t timeout_us,
                              int64_t budget_us)
{
    static uint64_t tokens;
    rm_output *output = &lane->output;
    const uint8_t *at = output->data, *end, *sink, *values, *released;
    lane->token = __atomic_add_fetch(&tokens, 1, __ATOMIC_RELAXED);
    lane->status = rm_pipeline_submit((rm_pipeline *)pipeline, (rm_port *)port, lane->token, inputs, length, buffers,
                                      buffer_count, timeout_us, budget_us, output, &lane->error);
    output->discard_count = 0;
    lane->released = 0;
    if (lane->status != RM_OK || output->document || output->len > 0xffff)
        return -1;
    end = at + output->len;
    if (*at != 0x83 && *at != 0x84)
        return -1;
    at = RM_LANE_EXPECT(at + 1, end, "\xa6" "status\x00\xa7" "outputs\x81");
    sink = at = at ? rm_lane_skip(at, end) : NULL;
    values = at = RM_LANE_EXPECT(at, end, "\x82\xa6" "values");
    at = at ? rm_lane_skip(at, end) : NULL;
    if (!at)
        return -1;
    if (*output->data == 0x84) {
        released = RM_LANE_EXPECT(rm_lane_skip(sink, end), end, "\xa6" "errors\x90\xa8" "released");
        if (!released)
            return -1;
        lane->released = (uint32_t)(released - output->data);
    }
    return (int64_t)(values - output->data) << 32 | (int64_t)(at - output->data) << 16 | (int64_t)output->len;
}

/* Whether a call has left a document in the lane's room that names no buffer and is no longer than can be told. */
static int rm_lane_is_plain(const rm_lane *lane)
{
    const rm_output *output = &lane->output;
    return lane->status >= 0 && !output->document && !output->buffer_count && output->len <= 0x7fffff;
}

/* Sends packets to the session that the lane names, with the buffers there: what seldom changes stands in the lane,
   since each argument takes cffi a while. Answers the number of packets taken, at most 127, if that is all there is to
   know; else, if the answer lies in the lane's room and names no buffer, its length << 8; else -1, and `status` and the
   answer in the lane say more. */
static int32_t rm_lane_send(rm_lane *lane, const uint8_t *packets, size_t length, size_t most_outputs)
{
    rm_output *output = &lane->output;
    lane->status = rm_session_send((rm_session *)lane->session, packets, length, lane->buffers, lane->buffer_count,
                                   lane->budget_us, most_outputs, output, &lane->error);
    lane->buffers = NULL;
    lane->buffer_count = 0;
    output->discard_count = 0;
    if (!rm_lane_is_plain(lane))
        return -1;
    if (output->len == 3 && output->data[0] == 0x92 && output->data[1] < 0x80 && output->data[2] == 0x90)
        return output->data[1];
    return (int32_t)(output->len << 8);
}

/* Receives outputs of the session that the lane names. Answers 0 if there are none yet, else the length of the answer
   if it is all there is to know, else -1, and `status` and the answer in the lane say more. */
static int32_t rm_lane_receive(rm_lane *lane, int64_t sink, size_t most_outputs)
{
    lane->status = rm_session_receive((rm_session *)lane->session, sink, most_outputs, &lane->output, &lane->error);
    lane->output.discard_count = 0;
    if (!rm_lane_is_plain(lane))
        return -1;
    if (lane->status == RM_WOULD_BLOCK && lane->output.len == 2)
        return 0;
    return lane->status == RM_OK ? (int32_t)lane->output.len : -1;
}

/* Takes the events of a port. Answers the length of their list if it is all there is to know, else -1. */
static int32_t rm_lane_next(rm_lane *lane, rm_port *port, int64_t timeout_us)
{
    lane->status = rm_port_next(port, timeout_us, &lane->output, &lane->error);
    lane->output.discard_count = 0;
    return rm_lane_is_plain(lane) ? (int32_t)lane->output.len : -1;
}
"""
"""One call into C for one execution, with what it needs to know of the result, instead of a dozen looks at it."""

ROOT = Path(__file__).resolve().parents[2]
EXCHANGE = Path(__file__).resolve().with_name("exchange.h"), Path(__file__).resolve().with_name("exchange.c")
"""Structs and functions for the exchange of arrays and tables with other packages: declarations and source."""


def declarations(header: str) -> str:
    """What cffi is told: the header without comments and directives; constants keep their name, the compiler tells
    their value."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"\\\n", " ", text)
    kept = []
    guards = 0
    for line in text.splitlines():
        directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        if not directive:
            # What only C++ sees stands inside `#ifdef __cplusplus`.
            if guards == 0:
                kept.append(line)
            continue
        name, rest = directive.groups()
        if guards:
            guards += {"if": 1, "ifdef": 1, "ifndef": 1, "endif": -1}.get(name, 0)
        elif name in ("ifdef", "if") and "__cplusplus" in rest:
            guards = 1
        elif name == "define":
            constant = re.match(r"(\w+)\s+\(?\s*(-?\d\w*)\s*\)?\s*$", rest)
            if constant:
                kept.append(f"#define {constant[1]} ...")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def build(header: Path, library_dir: Path, output_dir: Path, *, library: str = "remotemedia") -> Path:
    """Compiles the module into `output_dir/remotemedia/` and returns its path.

    `header` is `remotemedia.h`, `library_dir` holds `lib<library>.so`, which must be copied beside the module to be
    found at import. Raises what cffi and the compiler raise: `cffi.VerificationError` with the compiler's words.
    """
    from cffi import FFI

    header = header.resolve()
    ffi = FFI()
    exchange_header, exchange_source = (path.read_text(encoding="utf-8") for path in EXCHANGE)
    ffi.cdef(
        declarations(header.read_text(encoding="utf-8")) + LANE_DECLARATIONS + declarations(exchange_header),
    )
    # In the source the functions are static: none of their names is exported.
    exchange_types = exchange_header.partition("/* Objects are named")[0]
    includes = f'#include <stdlib.h>\n#include <string.h>\n#include "{header.name}"'
    ffi.set_source(
        MODULE,
        "\n".join([includes, LANE_SOURCE, exchange_types, exchange_source]),
        py_limited_api=True,
        define_macros=[("Py_LIMITED_API", LIMITED_API)],
        include_dirs=[str(header.parent)],
        library_dirs=[str(library_dir.resolve())],
        libraries=[library],
        extra_link_args=["-Wl,-rpath,$ORIGIN"],
        extra_compile_args=["-O2", "-g0"],
    )
    with tempfile.TemporaryDirectory(prefix="remotemedia-cffi-") as scratch:
        with _linked_without_foreign_paths():
            compiled = Path(ffi.compile(tmpdir=scratch, verbose=False))
        target = output_dir / "remotemedia" / "_native.abi3.so"
        target.parent.mkdir(parents=True, exist_ok=True)
        # A new inode: a process that has the old module mapped keeps it whole.
        target.unlink(missing_ok=True)
        shutil.copy2(compiled, target)
    return target


@contextmanager
def _linked_without_foreign_paths() -> Iterator[None]:
    """Keeps out of the module where this Python's own libraries are: a Python of pyenv or conda links that in."""
    link = os.environ.get("LDSHARED")
    words = shlex.split(link or sysconfig.get_config_var("LDSHARED") or "cc -shared")
    if link is None and "CC" in os.environ:
        words[:1] = shlex.split(os.environ["CC"])
    kept = [word for word in words if not word.startswith(("-Wl,-rpath", "-Wl,--rpath"))]
    os.environ["LDSHARED"] = shlex.join(kept)
    try:
        yield
    finally:
        if link is None:
            del os.environ["LDSHARED"]
        else:
            os.environ["LDSHARED"] = link


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compile remotemedia._native, the cffi module of the Python package.")
    parser.add_argument("--header", type=Path, default=ROOT / "include" / "remotemedia.h", help="default: %(default)s")
    parser.add_argument("--library-dir", type=Path, default=ROOT / "target" / "release", help="default: %(default)s")
    parser.add_argument(
        "--library", default="remotemedia", help="name for the linker, without lib; default: %(default)s"
    )
    parser.add_argument(
        "--output-dir", type=Path, default=Path(__file__).resolve().parent, help="the folder of packages; default: here"
    )
    options = parser.parse_args()
    print(build(options.header, options.library_dir, options.output_dir, library=options.library))


if __name__ == "__main__":
    main()
