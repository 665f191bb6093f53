"""Says which of the declared sentences pysbd finds: `sentences.json`.

The cases are those of pysbd's own tests (github.com/nipunsadvilkar/pySBD, tests/lang, MIT), which go back to the golden
rules of Pragmatic Segmenter: texts, and the sentences that they are made of. They are facts, and stand in the file by
language; this script runs pysbd over them and notes for each whether it gives just these sentences. Prints the table.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pysbd

FILE = Path(__file__).with_name("sentences.json")


def main() -> None:
    """Note for each case whether pysbd agrees with it."""
    document = json.loads(FILE.read_text("utf-8"))
    document["pysbd"] = version("pysbd")
    for language, cases in document["cases"].items():
        segmenter = pysbd.Segmenter(language=language, clean=False)
        for case in cases:
            found = [sentence.strip() for sentence in segmenter.segment(case["text"])]
            case["found_by_pysbd"] = [sentence for sentence in found if sentence] == case["sentences"]
        print(language, len(cases), sum(case["found_by_pysbd"] for case in cases))
    FILE.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
