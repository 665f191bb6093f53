"""What cffi is told about the header."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "bindings" / "python" / "cffi_build.py"
sys.path.insert(0, str(SCRIPT.parent))

import cffi_build  # noqa: E402

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
    assert cffi_build.declarations(HEADER).split("\n") == [
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
