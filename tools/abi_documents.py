"""The documents of the C ABI as JSON Schemas: what goes in, what comes out, and the events of a port.

`include/remotemedia.abi.json` carries them, and a test checks documents of the library against them. Values are the
kinds of docs/wire.md: bytes, tensors and the like are written here as their JSON twin has them.

What a host writes has the keys that are named and no others: the library refuses them. What the library writes may have
more keys, and events more kinds, since later minor versions add some.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ANY: Schema = {}
TEXT: Schema = {"type": "string"}
BOOL: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
"""A number that the library chooses: below 2^53."""
TOKEN: Schema = {"type": "integer", "minimum": 0, "maximum": 2**64 - 1}
"""A number that the host chooses."""
NANOSECONDS: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
TIME: Schema = {"anyOf": [NANOSECONDS, {"type": "null"}]}
INPUT: Schema = {"anyOf": [COUNT, {"type": "null"}]}
"""The number of an input; nil for the first one."""


def reference(name: str) -> Schema:
    """A document that another one contains."""
    return {"$ref": f"#/documents/{name}"}


def listed(items: Schema, **limits: int) -> Schema:
    """A list of any length."""
    return {"type": "array", "items": items, **limits}


def row(*fields: Schema, needed: int | None = None) -> Schema:
    """A list with these fields in their order, of which the first `needed` are always there."""
    least = len(fields) if needed is None else needed
    return {"type": "array", "prefixItems": list(fields), "items": False, "minItems": least}


def constant(value: Any) -> Schema:
    """Exactly this value."""
    return {"const": value}


def record(doc: str, needed: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """A map that the library writes, with these entries and those that later versions add."""
    return {
        "description": doc,
        "type": "object",
        "properties": {**needed, **(optional or {})},
        "required": list(needed),
    }


def given(doc: str, needed: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """A map that a host writes, with these entries and no others."""
    return {**record(doc, needed, optional), "additionalProperties": False}


def mapping(values: Schema) -> Schema:
    """A map with any keys."""
    return {"type": "object", "additionalProperties": values}


STATUS: Schema = {"type": "integer", "description": "An RM_ status."}
RELEASED = listed(TOKEN, minItems=1)
POSITIVE: Schema = {"type": "integer", "minimum": 1}
PORT_NAMES: Schema = {"type": "array", "items": TEXT, "minItems": 1}
VALUES = listed(ANY)

EVENTS: list[tuple[str, str, Schema]] = [
    ("completed", "The work that was submitted with the token has ended.", row(TOKEN, reference("completion"))),
    ("call", "Packets for nodes of the host, which replies to the call.", row(COUNT, reference("call"))),
    ("released", "The host may release what these tokens stand for.", row(RELEASED)),
    ("port_ended", "The port has ended; no event follows.", row()),
    ("room", "The session with the token has room for packets that it did not take.", row(TOKEN)),
    ("outputs", "The session with the token has outputs, or has ended.", row(TOKEN)),
    ("reply_room", "There is room for the next part of the reply to the call.", row(COUNT)),
    ("call_over", "The call is over before its reply.", row(COUNT)),
    (
        "skipped",
        "A node of the work with the token has dropped a packet after an error; whether it is the node's first.",
        row(TOKEN, reference("error_detail"), BOOL),
    ),
]
"""The kinds of event from 1 on: name, meaning, and the fields behind the kind."""


def documents() -> dict[str, Schema]:
    """Every document by its name."""
    columns = record(
        "The outputs of one output of the graph, one entry of each list for each.",
        {"values": VALUES, "items": listed(COUNT)},
        {"pts": listed(TIME), "durations": listed(TIME), "seqs": listed(COUNT)},
    )
    problem = record(
        "A problem of a manifest.",
        {"path": TEXT, "message": TEXT},
        {"line": COUNT, "column": COUNT, "expected": TEXT, "got": TEXT, "suggestion": TEXT},
    )
    session_output = row(ANY, TIME, TIME, COUNT, COUNT, COUNT, COUNT)
    node_metrics = record(
        "What a node of a session has done, and what it waits for.",
        {
            **dict.fromkeys(("id", "waits_for"), TEXT),
            **dict.fromkeys(("packets", "errors", "skipped", "retried", "late", "gaps", "overlaps", "waiting"), COUNT),
            **dict.fromkeys(("missing_ns", "trimmed_ns"), COUNT),
            "fill": {"type": "number"},
        },
        {**dict.fromkeys(("p50_ns", "p99_ns", "max_ns", "oldest_ns", "item"), COUNT), "pts": TIME},
    )
    planned_node = record(
        "A node, and the stage that runs it.",
        {**dict.fromkeys(("id", "node_type", "runner"), TEXT), "params": {"type": "object"}, "stage": COUNT},
        {"inserted": TEXT, "unread": listed(TEXT)},
    )
    planned_edge = record(
        "A connection.",
        {"from": TEXT, "to": TEXT, "kind": TEXT},
        {"delay_ms": POSITIVE, "buffer": {"type": "object"}},
    )
    form = record(
        "What a port emits: null in a shape stands for time, a list of a field for a list of such.",
        {"kind": TEXT},
        {
            "rate": POSITIVE,
            "channels": POSITIVE,
            "dtype": TEXT,
            "shape": listed({"anyOf": [POSITIVE, {"type": "null"}]}),
            "fields": {"type": "object"},
        },
    )
    quantiles = dict.fromkeys(("p50_ns", "p99_ns", "max_ns"), COUNT)
    live = "runtimes ports pipelines sessions documents memories errors host_buffers runs nodes"
    return {
        **_from_the_host(),
        "completion": record(
            "How a piece of work ended, with its outputs.",
            {"status": STATUS, "outputs": mapping(columns), "errors": listed(reference("error_detail"))},
            {
                "offsets": row(COUNT, COUNT, COUNT),
                "skipped": listed(reference("error_detail")),
                "skips": COUNT,
                "retries": COUNT,
                "released": RELEASED,
            },
        ),
        "error_detail": record(
            "Why something failed.",
            {"status": STATUS, "message": TEXT},
            {
                **dict.fromkeys(("cause", "cure", "node_id", "node_type", "input"), TEXT),
                "item": COUNT,
                "position_ns": NANOSECONDS,
                "chain": listed(TEXT),
                "host_token": TOKEN,
                "problems": listed(problem),
                "released": RELEASED,
            },
        ),
        "events": {"description": "What rm_port_next hands out.", **listed(reference("event"))},
        "event": {
            "description": "One event; a host skips those of kinds that a later version adds.",
            "anyOf": [
                *(row(constant(kind), *fields["prefixItems"]) for kind, (_, _, fields) in enumerate(EVENTS, start=1)),
                {"type": "array", "prefixItems": [{**COUNT, "minimum": len(EVENTS) + 1}], "minItems": 1},
            ],
        },
        "call": record(
            "Packets for a chain of nodes of the host.",
            {
                "job": TOKEN,
                "nodes": listed(row(TOKEN, TEXT), minItems=1),
                "entries": listed({"anyOf": [row(), row(COUNT), row(COUNT, ANY, TIME, TIME, COUNT, needed=4)]}),
            },
            {"epoch": POSITIVE},
        ),
        "next_call": {
            "description": "The call that comes with a reply.",
            **row(COUNT, reference("call"), RELEASED, needed=2),
        },
        "sent": {
            "description": "What rm_session_send took, and outputs.",
            **row(COUNT, listed(session_output), RELEASED, needed=2),
        },
        "received": {
            "description": "What rm_session_receive hands out.",
            **row(listed(session_output), RELEASED, needed=1),
        },
        "released": {"description": "What rm_runtime_released hands out.", **listed(TOKEN)},
        "progress": record("How far a piece of work is.", {"items": COUNT}, {"media_ns": COUNT}),
        "metrics": record(
            "What a session does.",
            {
                "sent": COUNT,
                "nodes": listed(node_metrics),
                "edges": listed(
                    record("A queue.", {"from": TEXT, "to": TEXT, "waiting": COUNT, "dropped": COUNT}),
                ),
                "lag": record("How long events waited for the host.", {}, quantiles),
                "inputs": listed(record("An input.", {"name": TEXT, "sent": COUNT, "waiting": COUNT})),
                "unread": mapping(COUNT),
            },
        ),
        "trace": record(
            "The records of a session.",
            {
                "records": listed(
                    {
                        "anyOf": [
                            row(constant("stage"), TEXT, COUNT, COUNT, COUNT),
                            row(constant("step"), TEXT, COUNT, COUNT, COUNT, COUNT, TIME),
                            row(constant("call"), TEXT, COUNT, COUNT, COUNT),
                            row(constant("fill"), TEXT, COUNT, COUNT),
                            row(constant("drop"), TEXT, COUNT, COUNT),
                        ]
                    }
                ),
                "lost": COUNT,
            },
        ),
        "live_objects": record("How many objects are alive.", dict.fromkeys(live.split(), COUNT)),
        "description": record(
            "What a runtime knows.",
            {"version": TEXT, "abi": COUNT, "nodes": listed({"type": "object"}), "manifest_schema": {"type": "object"}},
            {"codecs": {"type": "object"}},
        ),
        "plan": record(
            "What rm_pipeline_describe writes.",
            {
                "name": TEXT,
                "nodes": listed(planned_node),
                "connections": listed(planned_edge),
                "inputs": listed(
                    record("An input, and the ports that it goes to.", {"name": TEXT, "to": listed(TEXT)})
                ),
                "outputs": listed(
                    record(
                        "An output, the port that it comes from, and what is known of it before anything runs.",
                        {"name": TEXT, "from": TEXT},
                        {"form": form},
                    )
                ),
            },
        ),
        "build_info": record(
            "How the library was built.",
            {**dict.fromkeys(("version", "abi", "target", "profile", "rustc"), TEXT), "features": listed(TEXT)},
            {"commit": TEXT},
        ),
    }


def _from_the_host() -> dict[str, Schema]:
    """The documents that a host writes."""
    limits = dict.fromkeys(("output_bytes", "items", "document_bytes", "buffers", "extent_bytes"), COUNT)
    limits["depth"] = {**COUNT, "maximum": 512}
    host_node = given(
        "A node type that the host runs.",
        {"token": TOKEN},
        {
            "batch": POSITIVE,
            "max_wait_ms": {"type": "number", "minimum": 0},
            "ends": BOOL,
            "inputs": PORT_NAMES,
            "outputs": PORT_NAMES,
        },
    )
    failure = given(
        "An exception of the host.",
        {},
        {
            "entry": COUNT,
            "node": COUNT,
            "message": TEXT,
            "type": TEXT,
            "chain": listed(TEXT),
            "token": TOKEN,
            "ends_run": BOOL,
            "pts": TIME,
        },
    )
    change = given("New params of a node.", {"node": TEXT, "params": {"type": "object"}})
    return {
        "config": given(
            "The configuration of a runtime.",
            {},
            {
                "workers": {"type": "integer", "minimum": 1, "maximum": 1024},
                "nice": {"type": "integer", "minimum": 0, "maximum": 19},
                "limits": given("Limits on what runs.", {}, limits),
                "offsets": BOOL,
                "codecs": BOOL,
                "node_libraries": {"type": "array", "maxItems": 0},
            },
        ),
        "port_options": given(
            "The options of a port.", {}, {"bell": {"enum": ["eventfd", "socketpair", "none", None]}}
        ),
        "pipeline_options": given("The options of a pipeline.", {}, {"host_nodes": mapping(host_node)}),
        "session_options": given(
            "The options of a session.",
            {},
            {
                "outputs": {**listed(TEXT), "uniqueItems": True},
                "buffer": given(
                    "Bounds of the queues at both ends.", {}, dict.fromkeys(("packets", "bytes", "ms"), POSITIVE)
                ),
                **dict.fromkeys(("deadline_us", "packet_deadline_us"), COUNT),
                "clock": {"enum": ["real", "virtual"]},
                "trace": BOOL,
            },
        ),
        "inputs": {
            "description": "An entry for each item, or such a list for each input by name; nil for a graph of sources.",
            "anyOf": [VALUES, mapping(VALUES), {"type": "null"}],
        },
        "packets": {"description": "What rm_session_send takes.", **listed(row(ANY, TIME, TIME, INPUT, needed=1))},
        "reply": given(
            "A reply to a call, or a part of one.",
            {},
            {
                "outputs": listed(row(COUNT, ANY, TIME, TIME, COUNT, needed=2)),
                "final": BOOL,
                "error": failure,
            },
        ),
        "control": {
            "description": "What rm_session_control takes: one of these.",
            "anyOf": [
                given("Ends the stream.", {"flush": constant(True)}),
                given(
                    "Drops what is on its way, or what waits at a node and behind it.",
                    {"interrupt": constant(True)},
                    {"at": TEXT},
                ),
                given("Changes params.", {"set": change}),
            ],
        },
    }
