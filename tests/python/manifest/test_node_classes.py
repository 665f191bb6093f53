"""The generated classes: they are what the library describes, and say it where editors look."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from remotemedia import nodes
from remotemedia._manifest.catalog import node_types

from tools import node_classes


def test_the_committed_module_is_what_the_library_describes() -> None:
    if node_classes.PATH.read_text("utf-8") != node_classes.generated(node_types()):
        pytest.fail(
            "bindings/python/remotemedia/nodes.py is stale: the node types have changed. Regenerate it: "
            "PYTHONPATH=bindings/python python3 -m tools.node_classes",
            pytrace=False,
        )


def test_every_type_has_a_class_and_its_other_name() -> None:
    types = node_types()
    for name, described in types.items():
        assert getattr(nodes, name).__name__ == name
        if "alias_of" in described:
            assert described["alias_of"] in types
        elif f"{name}Node" not in types:
            assert getattr(nodes, name) is getattr(nodes, f"{name}Node")
    assert len(set(nodes.__all__)) == len(nodes.__all__)
    old_names = sum("alias_of" in described for described in types.values())
    replaced = sum(f"{name}Node" in types for name in types)
    assert len(nodes.__all__) == 2 * (len(types) - old_names) - replaced + old_names


def test_signatures_show_params_types_and_defaults() -> None:
    assert str(inspect.signature(nodes.AudioLevel)) == (
        "(*, window_ms: 'int' = 100, low_volume_threshold_db: 'float' = -35.0, "
        "silence_threshold_db: 'float' = -60.0, changes_only: 'bool' = False, hold_ms: 'int' = 1000, "
        "gaps: \"Literal['restart', 'fill', 'ignore']\" = 'restart', name: 'str | None' = None, "
        "on_error: 'OnError | None' = None) -> 'None'"
    )
    assert str(inspect.signature(nodes.AudioMix)) == (
        "(channels: 'int', *, gains: 'Sequence[Sequence[float]] | None' = None, "
        "name: 'str | None' = None, on_error: 'OnError | None' = None) -> 'None'"
    )
    assert inspect.getdoc(nodes.AudioLevel.__init__).startswith(
        "window_ms: The length of a window. From 10 to 10000.\n"
    )
    assert inspect.getdoc(nodes.PassThrough) == (
        "Emits every packet unchanged.\n\nThe same value comes out, in the same memory and at the same time.\n\n"
        "Input `in`: Any value.\nOutput `out`: Any value."
    )


def test_a_class_tells_all_that_its_node_promises() -> None:
    for name, described in node_types().items():
        told = " ".join((inspect.getdoc(getattr(nodes, name)) or "").split())
        assert described["doc"].partition("\n")[0] == described["summary"]
        # Whatever a table or a line break does with them, the words are there.
        words = [word for word in described["doc"].replace("|", " ").replace("\\", " ").split() if "---" not in word]
        assert all(word in told for word in words), name
    told = inspect.getdoc(nodes.AudioLevel) or ""
    assert '`health`         `"silence"` once silence has lasted half a second' in told


def test_every_default_is_that_of_the_schema() -> None:
    for name, described in node_types().items():
        shown = inspect.signature(getattr(nodes, name)).parameters
        properties = described["params"].get("properties", {})
        assert {*shown} == {*properties, "name", "on_error"}
        for param, entry in properties.items():
            needed = param in described["params"].get("required", [])
            assert shown[param].default == (inspect.Parameter.empty if needed else entry.get("default"))


def test_only_params_that_were_given_are_in_the_manifest() -> None:
    assert nodes.AudioLevel().params == {}
    assert nodes.AudioLevel(window_ms=100).params == {"window_ms": 100}
    assert nodes.AudioMix(channels=1, gains=None).params == {"channels": 1}
    assert repr(nodes.PassThroughNode(name="p")) == "PassThrough(name='p')"


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            lambda: nodes.AudioLevel(windw_ms=5),  # type: ignore[call-arg]
            "nodes[0].params.windw_ms: AudioLevel has no param 'windw_ms'; did you mean 'window_ms'?",
        ),
        (
            lambda: nodes.AudioLevel(window_ms="50"),  # type: ignore[arg-type]
            'nodes[0].params.window_ms: expected an integer from 10 to 10000, got the text "50"; remove the quotes: 50',
        ),
        (
            lambda: nodes.AudioMix(),  # type: ignore[call-arg]
            "nodes[0].params: AudioMix needs the param 'channels': an integer from 1 to 1024; "
            'for example "params": {"channels": 1}',
        ),
    ],
)
def test_wrong_params_are_found_by_validate(node: Any, message: str) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> node()).validate()
    assert str(caught.value) == message


def test_examples_of_every_type_make_valid_nodes() -> None:
    for name, described in node_types().items():
        (rm.Pipeline() >> getattr(nodes, name)(**described["example"])).validate()


def test_type_checkers_know_the_params(tmp_path: Path) -> None:
    program = tmp_path / "user.py"
    program.write_text(
        "import remotemedia as rm\n"
        "pipeline = rm.Pipeline('p') >> rm.nodes.AudioDecode() >> [rm.nodes.AudioLevel(window_ms=5), rm.nodes.Echo()]\n"
        "reveal_type(pipeline)\n"
        "reveal_type(rm.nodes.AudioLevel() >> rm.nodes.Echo())\n"
        "rm.nodes.AudioLevel(window_ms='x')\n"
        "rm.nodes.AudioLevel(windw_ms=5)\n"
        "@rm.node\n"
        "def double(x: int, *, times: int = 2) -> int: return x * times\n"
        "reveal_type(double.fn(1))\n"
        "reveal_type(double(times=3))\n",
        "utf-8",
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(root / "pyproject.toml"), str(program)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=280, check=False)
    lines = [
        line.partition("user.py:")[2]
        for line in done.stdout.splitlines()
        if "user.py:" in line and "defined in" not in line
    ]
    assert lines == [
        '3: note: Revealed type is "remotemedia._graph.pipeline.Pipeline"',
        '4: note: Revealed type is "remotemedia._graph.pipeline.Pipeline"',
        '5: error: Argument "window_ms" to "AudioLevel" has incompatible type "str"; expected "int"  [arg-type]',
        '6: error: Unexpected keyword argument "windw_ms" for "AudioLevel"; did you mean "window_ms"?  [call-arg]',
        '9: note: Revealed type is "int"',
        '10: note: Revealed type is "remotemedia._graph.node.Node"',
    ], done.stdout + done.stderr


def test_params_that_are_paths_take_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert nodes.FileSource(Path("calls") / "*.wav").params == {"path": "calls/*.wav"}
    given = [Path("~/street.wav"), "~/noise/*.wav"]
    assert nodes.AddNoise(paths=given).params == {"paths": ["/home/me/street.wav", "/home/me/noise/*.wav"]}


def test_the_only_required_param_may_be_given_without_its_name() -> None:
    assert nodes.AudioResample(16000, quality="fast").params == {"rate": 16000, "quality": "fast"}
    assert nodes.AudioMix(1).params == {"channels": 1}
    assert nodes.AudioFilter("lowpass", frequency_hz=100.0).params == {"kind": "lowpass", "frequency_hz": 100.0}
    assert nodes.AudioResample(rate=16000).params == {"rate": 16000}
    assert str(inspect.signature(nodes.AudioResample)).startswith("(rate: 'int', *, quality: ")
    for name, described in node_types().items():
        required = described["params"].get("required", [])
        parameters = inspect.signature(getattr(nodes, name)).parameters.values()
        positional = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        assert positional == (required if len(required) == 1 else [])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nodes.AudioResample(16000, "fast"),
            "AudioResample takes one value, rate, once, and the others by name, such as quality=...",
        ),
        (
            lambda: nodes.AudioResample(16000, rate=8000),
            "AudioResample takes one value, rate, once, and the others by name, such as quality=...",
        ),
        (
            lambda: nodes.AudioLevel(50),
            "AudioLevel takes its params by name, such as AudioLevel(window_ms=...); it has window_ms, "
            "low_volume_threshold_db, silence_threshold_db, ...",
        ),
        (lambda: nodes.PassThrough(1), "PassThrough has no params; write PassThrough()"),
    ],
)
def test_other_values_without_names_are_refused(make: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("AudioLevel", "; it is a node: remotemedia.nodes.AudioLevel"),
        ("AudioLevelNode", "; it is a node: remotemedia.nodes.AudioLevelNode"),
        ("speech", "; it is in remotemedia.testing: remotemedia.testing.speech"),
        ("run_sync", "; it is a method of pipelines: (Pipeline() >> node).run_sync(...)"),
        ("AudioLevl", ""),
        ("nope", ""),
    ],
)
def test_a_name_that_lives_elsewhere_is_found_there(name: str, end: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(rm, name)
    assert str(caught.value) == f"module 'remotemedia' has no attribute '{name}'{end}"
