"""The script that compiles the extension: what cffi reads of a header, and what comes out."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "bindings" / "python" / "native" / "build.py"

HEADER = """
/* A comment with #define RM_NOT 1 */
#ifndef REMOTEMEDIA_H
#define REMOTEMEDIA_H
#include <stdint.h>
#define RM_OK 0
#define RM_BAD (-1) // why
#ifdef __cplusplus
extern "C" {
#endif
typedef struct rm_port rm_port;
void rm_port_free(rm_port *port);
#ifdef __cplusplus
}
#endif
#endif
"""


def test_declarations_are_the_header_without_what_only_compilers_need() -> None:
    assert runpy.run_path(str(SCRIPT))["declarations"](HEADER).split("\n") == [
        "#define RM_OK ...",
        "#define RM_BAD ...",
        "typedef struct rm_port rm_port;",
        "void rm_port_free(rm_port *port);",
        "",
    ]


def test_the_script_explains_itself() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, timeout=60, check=True)
    for option in ("--header", "--library-dir", "--output-dir"):
        assert option in done.stdout


def test_the_extension_uses_the_limited_api_and_finds_its_library_beside_it() -> None:
    from remotemedia._abi.library import _native

    assert Path(_native.__file__).name == "_native.abi3.so"
