"""`include/remotemedia.abi.json` tells the truth: its tables are those of the library, and documents are as it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from remotemedia._abi.library import NULL, ffi, lib

DESCRIPTION: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "include" / "remotemedia.abi.json").read_text("utf-8")
)
LENT = ffi.new("uint8_t[]", 16384)
IN_BUFFER = b"\x91\xc7\x06\x06\x93\x00\x00\xcd\x40\x00"
"""[the first 16,384 bytes of buffer 0]"""
FOREVER = 20_000_000


def closed(schema: Any) -> Any:
    """A schema without room for what later versions add: this version writes what the schema names and nothing else."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(each) for key, each in schema.items()}
    return {"additionalProperties": False, **made} if "required" in made else made


DOCUMENTS = closed(DESCRIPTION["documents"])


def check(name: str, document: Any, documents: Any = DOCUMENTS) -> None:
    """A document is as its schema says."""
    schema = {"$ref": f"#/documents/{name}", "documents": documents}
    problems = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]
    assert not problems, f"{problems} in {document}"


def packed(text: str) -> bytes:
    """The msgpack of JSON text."""
    data = text.encode()
    out = ffi.new("rm_output *")
    assert lib.rm_document_from_json(data, len(data), NULL, 0, out, NULL) == lib.RM_OK
    return _taken(out.document)


def unpacked(document: bytes) -> Any:
    """What the JSON twin of a document says."""
    out = ffi.new("rm_output *")
    assert lib.rm_document_to_json(document, len(document), NULL, 0, 0, out, NULL) == lib.RM_OK
    return json.loads(_taken(out.document))


def answer(call: Callable[[Any, Any], int]) -> tuple[int, Any]:
    """The status of a call and its document, or the detail of its error."""
    out, error = ffi.new("rm_output *"), ffi.new("rm_error **")
    status = call(out, error)
    if status < 0:
        data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
        lib.rm_error_detail(error[0], data, length)
        detail = unpacked(bytes(ffi.buffer(data[0], length[0])))
        lib.rm_error_free(error[0])
        check("error_detail", detail)
        return status, detail
    if out.document == NULL:
        return status, None
    data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
    table, count = ffi.new("rm_buffer const **"), ffi.new("size_t *")
    assert lib.rm_document_view(out.document, data, length, table, count, NULL) == lib.RM_OK
    twin = ffi.new("rm_output *")
    assert lib.rm_document_to_json(data[0], length[0], table[0], count[0], 0, twin, NULL) == lib.RM_OK
    lib.rm_document_free(out.document)
    return status, json.loads(_taken(twin.document))


def _taken(document: Any) -> bytes:
    data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
    table, count = ffi.new("rm_buffer const **"), ffi.new("size_t *")
    assert lib.rm_document_view(document, data, length, table, count, NULL) == lib.RM_OK
    text = bytes(ffi.buffer(data[0], length[0]))
    lib.rm_document_free(document)
    return text


class Host:
    """A runtime and a port, and pipelines of them."""

    def __init__(self) -> None:
        out = ffi.new("rm_runtime **")
        assert lib.rm_runtime_new(b'{"workers": 1}', 14, out, NULL) == lib.RM_OK
        self.runtime = ffi.gc(out[0], lib.rm_runtime_free)
        port = ffi.new("rm_port **")
        assert lib.rm_port_new(self.runtime, NULL, 0, port, NULL) == lib.RM_OK
        self.port = ffi.gc(port[0], lib.rm_port_free)
        self.seen: dict[int, list[Any]] = {}

    def pipeline(
        self, nodes: list[dict[str, Any]], connections: list[dict[str, Any]] | None = None, **ends: Any
    ) -> Any:
        manifest = json.dumps({"version": "v1", "nodes": nodes, "connections": connections or [], **ends}).encode()
        options = {"host_nodes": {"Mine": {"token": 7, "batch": 1}}}
        check("pipeline_options", options)
        given = json.dumps(options).encode()
        out = ffi.new("rm_pipeline **")
        assert lib.rm_pipeline_new(self.runtime, manifest, len(manifest), given, len(given), out, NULL) == lib.RM_OK
        return ffi.gc(out[0], lib.rm_pipeline_free)

    def submit(self, pipeline: Any, token: int, inputs: bytes, *, budget: int = 0, lent: int = 0) -> tuple[int, Any]:
        table = ffi.new("rm_buffer[1]", [{"data": LENT, "len": len(LENT), "token": lent}])
        return answer(
            lambda out, error: lib.rm_pipeline_submit(
                pipeline, self.port, token, inputs, len(inputs), table, 1 if lent else 0, -1, budget, out, error
            )
        )

    def next(self) -> list[Any]:
        status, events = answer(lambda out, error: lib.rm_port_next(self.port, FOREVER, out, error))
        assert status in (lib.RM_OK, lib.RM_END)
        check("events", events)
        for event in events:
            self.seen.setdefault(event[0], []).append(event)
        return events  # type: ignore[no-any-return]

    def until(self, kind: int) -> Any:
        """The next event of a kind that was not returned before."""
        while not self.seen.get(kind):
            self.next()
        return self.seen[kind].pop(0)

    def reply(self, call: int, text: str) -> tuple[int, Any]:
        check("reply", json.loads(text))
        document = packed(text)
        return answer(
            lambda out, error: lib.rm_port_reply(self.port, call, document, len(document), NULL, 0, out, error)
        )


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    lib.rm_runtime_shutdown(made.runtime, -1, NULL)


def test_constants_are_those_of_the_library() -> None:
    assert {each["name"]: each["value"] for each in DESCRIPTION["constants"]} == {
        name: getattr(lib, name) for name in dir(lib) if name.startswith("RM_")
    }
    statuses = [each for each in DESCRIPTION["constants"] if each["group"] == "status"]
    names = [ffi.string(lib.rm_status_name(each["value"])).decode() for each in statuses]
    assert names == [each["name"] for each in statuses]
    assert len(names) > 15
    assert all(each["doc"] for each in DESCRIPTION["constants"])


def test_structs_are_laid_out_as_they_are_described() -> None:
    for struct in DESCRIPTION["structs"]:
        assert ffi.sizeof(struct["name"]) == struct["size"]
        assert ffi.alignof(struct["name"]) == struct["alignment"]
        fields = [(name, field.offset) for name, field in ffi.typeof(struct["name"]).fields]
        assert fields == [(field["name"], field["offset"]) for field in struct["fields"]]
        assert all(field["doc"] for field in struct["fields"])


def test_functions_are_those_of_the_library() -> None:
    described = {each["name"]: each for each in DESCRIPTION["functions"]}
    assert set(described) == {name for name in dir(lib) if name.startswith("rm_")}
    for name, function in described.items():
        kind = ffi.typeof(ffi.addressof(lib, name))
        assert len(kind.args) == len(function["params"]), name
        for taken, param in zip(kind.args, function["params"], strict=True):
            written = param["type"].replace("const ", "").replace(" ", "")
            assert ffi.typeof(written) == taken, (name, param)
        assert ffi.typeof(function["result"].replace("const ", "").replace(" ", "")) == kind.result, name


def test_every_event_is_as_its_schema_says(host: Host) -> None:
    mine = host.pipeline([{"id": "mine", "node_type": "Mine"}])
    skipping = host.pipeline([{"id": "mine", "node_type": "Mine", "on_error": "skip"}])
    assert host.submit(mine, 1, IN_BUFFER, lent=11)[0] == lib.RM_PENDING
    call = host.until(lib.RM_EVENT_CALL)[1]
    assert host.reply(call, '{"outputs": [[0, 5, 3, null, 0]]}') == (lib.RM_OK, None)
    host.until(lib.RM_EVENT_COMPLETED)
    host.until(lib.RM_EVENT_RELEASED)
    host.submit(skipping, 2, packed("[1, 2]"))
    call = host.until(lib.RM_EVENT_CALL)[1]
    _, following = host.reply(call, '{"error": {"message": "no", "type": "E", "chain": ["a"], "token": 9}}')
    check("next_call", following)
    host.until(lib.RM_EVENT_SKIPPED)
    assert lib.rm_port_cancel(host.port, 2, NULL) == lib.RM_OK
    host.until(lib.RM_EVENT_CALL_OVER)
    host.until(lib.RM_EVENT_COMPLETED)
    # A call that comes with the reply to the one before.
    host.submit(mine, 3, packed("[1, 2, 3]"), budget=FOREVER)
    status, following = host.reply(host.until(lib.RM_EVENT_CALL)[1], '{"outputs": [[0, 1]]}')
    assert status == lib.RM_OK
    check("next_call", following)
    assert lib.rm_port_shutdown(host.port, NULL) == lib.RM_OK
    host.until(lib.RM_EVENT_PORT_ENDED)


def test_a_session_hands_out_what_its_schemas_say(host: Host) -> None:
    options = {
        "buffer": {"packets": 1, "bytes": 1000, "ms": 100},
        "deadline_us": FOREVER,
        "clock": "real",
        "trace": True,
    }
    check("session_options", options)
    given = json.dumps(options).encode()
    pipeline = host.pipeline(
        [{"id": "tone", "node_type": "PassThrough"}, {"id": "mine", "node_type": "Mine"}],
        [{"from": "tone", "to": "mine"}],
    )
    out = ffi.new("rm_session **")
    assert lib.rm_session_new(pipeline, host.port, 4, given, len(given), out, NULL) == lib.RM_OK
    session = ffi.gc(out[0], lib.rm_session_free)

    def send(text: str, most: int = 0) -> tuple[int, Any]:
        check("packets", json.loads(text))
        data = packed(text)
        status, sent = answer(
            lambda out, error: lib.rm_session_send(session, data, len(data), NULL, 0, FOREVER, most, out, error)
        )
        check("sent", sent)
        return status, sent

    status = lib.RM_OK
    for _ in range(100):
        if status == lib.RM_OK:
            status, _ = send("[[1], [2, 5], [3, 6, 7]]")
    assert status == lib.RM_WOULD_BLOCK
    # Metrics while a call is out, a part of a reply that fills the room, and the events for both ends.
    for name in ("metrics", "trace"):
        check(name, answer(lambda out, error, name=name: getattr(lib, f"rm_session_{name}")(session, out, error))[1])
    call = host.until(lib.RM_EVENT_CALL)[1]
    status, _ = host.reply(call, '{"outputs": [[0, 1], [0, 2]], "final": false}')
    assert status == lib.RM_WOULD_BLOCK
    count = 0
    while count < 2:
        status, received = answer(lambda out, error: lib.rm_session_receive(session, -1, 0, out, error))
        check("received", received)
        count += len(received[0])
        if status == lib.RM_WOULD_BLOCK:
            host.until(lib.RM_EVENT_OUTPUTS)
    host.until(lib.RM_EVENT_REPLY_ROOM)
    host.reply(call, '{"outputs": []}')
    host.until(lib.RM_EVENT_ROOM)
    check("progress", answer(lambda out, error: lib.rm_port_progress(host.port, 4, out, error))[1])
    for control in ({"flush": True}, {"interrupt": True}):
        check("control", control)
        text = json.dumps(control).encode()
        assert lib.rm_session_control(session, text, len(text), NULL) == lib.RM_OK
    lib.rm_session_cancel(session, NULL)
    host.until(lib.RM_EVENT_COMPLETED)
    check("trace", answer(lambda out, error: lib.rm_session_trace(session, out, error))[1])
    check("metrics", answer(lambda out, error: lib.rm_session_metrics(session, out, error))[1])


def test_a_trace_has_the_packets_that_a_full_buffer_drops(host: Host) -> None:
    buffer = {"packets": 1, "policy": "drop_oldest"}
    pipeline = host.pipeline(
        [{"id": "a", "node_type": "PassThrough"}, {"id": "mine", "node_type": "Mine"}],
        [{"from": "a", "to": "mine", "buffer": buffer}],
    )
    out = ffi.new("rm_session **")
    assert lib.rm_session_new(pipeline, host.port, 4, b'{"trace": true}', 15, out, NULL) == lib.RM_OK
    session = ffi.gc(out[0], lib.rm_session_free)
    data = packed("[[1]]")
    kinds: set[str] = set()
    while "drop" not in kinds:
        answer(lambda out, error: lib.rm_session_send(session, data, len(data), NULL, 0, FOREVER, 0, out, error))
        trace = answer(lambda out, error: lib.rm_session_trace(session, out, error))[1]
        check("trace", trace)
        kinds |= {record[0] for record in trace["records"]}


def test_descriptions_have_what_a_config_and_a_graph_ask_for(host: Host) -> None:
    nodes: list[dict[str, Any]] = [{"id": name, "node_type": "PassThrough"} for name in "ab"]
    ways: list[dict[str, Any]] = [{"from": "a", "to": "b"}, {"from": "b", "to": "a", "delay_ms": 20}]
    looped = host.pipeline(nodes, ways, inputs={"x": "a"}, outputs={"y": "b"})
    plan = answer(lambda out, error: lib.rm_pipeline_describe(looped, out, error))[1]
    check("plan", plan)
    assert [way.get("delay_ms") for way in plan["connections"]] == [None, 20]
    made = ffi.new("rm_runtime **")
    assert lib.rm_runtime_new(b'{"codecs": true}', 16, made, NULL) == lib.RM_OK
    described = answer(lambda out, error: lib.rm_runtime_describe(made[0], out, error))[1]
    lib.rm_runtime_free(made[0])
    check("description", described)
    assert "built_in" in described["codecs"]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("completion", {"status": 0, "outputs": {}, "errors": [], "later": 1}),
        ("error_detail", {"status": -1, "message": "no", "later": 1}),
        ("event", [10, "later"]),
    ],
)
def test_schemas_have_room_for_what_later_versions_add(name: str, document: Any) -> None:
    check(name, document, DESCRIPTION["documents"])


def test_what_calls_return_is_as_its_schemas_say(host: Host) -> None:
    nodes: list[dict[str, Any]] = [{"id": "a", "node_type": "Echo"}, {"id": "b", "node_type": "PassThrough"}]
    pipeline = host.pipeline(nodes, [{"from": "a", "to": "b", "buffer": {"packets": 3}}])
    status, completion = host.submit(pipeline, 5, IN_BUFFER, budget=FOREVER, lent=12)
    assert (status, completion["released"]) == (lib.RM_OK, [12])
    check("completion", completion)
    check("plan", answer(lambda out, error: lib.rm_pipeline_describe(pipeline, out, error))[1])
    check("description", answer(lambda out, error: lib.rm_runtime_describe(host.runtime, out, error))[1])
    check("live_objects", answer(lambda out, error: lib.rm_live_objects(out, error))[1])
    check("released", answer(lambda out, error: lib.rm_runtime_released(host.runtime, out, error))[1])
    check("build_info", json.loads(ffi.string(lib.rm_build_info())))
    broken = b'{"version": "v1", "nodes": [{"id": "a", "node_type": "Ecko", "gain": 3}]}'
    made = ffi.new("rm_pipeline **")
    status, detail = answer(
        lambda _, error: lib.rm_pipeline_new(host.runtime, broken, len(broken), NULL, 0, made, error)
    )
    assert status == lib.RM_INVALID_MANIFEST
    assert detail["problems"]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        (
            "config",
            {"workers": 2, "nice": 0, "limits": {"depth": 7}, "offsets": True, "codecs": False, "node_libraries": []},
        ),
        ("port_options", {"bell": "none"}),
        ("session_options", {"outputs": ["a"], "packet_deadline_us": 5, "clock": "virtual"}),
    ],
)
def test_a_document_of_the_host_that_the_schema_allows_is_accepted(host: Host, name: str, document: Any) -> None:
    check(name, document)
    text = json.dumps(document).encode()
    if name == "config":
        made = ffi.new("rm_runtime **")
        assert lib.rm_runtime_new(text, len(text), made, NULL) == lib.RM_OK
        lib.rm_runtime_free(made[0])
    elif name == "port_options":
        made = ffi.new("rm_port **")
        assert lib.rm_port_new(host.runtime, text, len(text), made, NULL) == lib.RM_OK
        lib.rm_port_free(made[0])
    else:
        made = ffi.new("rm_session **")
        pipeline = host.pipeline([{"id": "a", "node_type": "Echo"}])
        assert lib.rm_session_new(pipeline, host.port, 1, text, len(text), made, NULL) == lib.RM_OK
        lib.rm_session_free(made[0])


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("config", {"worker": 2}),
        ("port_options", {"bell": "doorbell"}),
        ("completion", {"status": 0, "outputs": {}}),
        ("event", [3, []]),
        ("event", [0]),
        ("reply", {"outputs": [[0]]}),
        ("reply", {"err": {"message": "no"}}),
        ("session_options", {"outputs": ["a", "a"]}),
        ("config", {"limits": {"depth": 513}}),
        ("sent", [1]),
    ],
)
def test_schemas_refuse_what_is_wrong(name: str, document: Any) -> None:
    with pytest.raises(AssertionError):
        check(name, document)
