//! Every mistake in a manifest and the exact message for it: the table that users are shown.
//!
//! Each row is what the mistake is, the manifest, and the whole message.

use remotemedia_core::manifest::parse;
use remotemedia_core::node::Registry;

use crate::node_types::{hosts, msgpack, registry, without_converters};

/// What is wrong, the manifest, the message.
type Row = (&'static str, &'static str, &'static str);

fn check(rows: &[Row], registry: &Registry, encode: impl Fn(&str) -> Vec<u8>) {
    let mut wrong = String::new();
    for (mistake, manifest, message) in rows {
        let got = match parse(&encode(manifest), registry, &hosts()) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        };
        if got != *message {
            wrong += &format!("\n{mistake}:\n- {message}\n+ {got}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn mistakes_in_json_have_these_messages() {
    check(JSON, &registry(), |text| text.as_bytes().to_vec());
}

#[test]
fn mistakes_in_yaml_have_these_messages() {
    check(YAML, &registry(), |text| text.as_bytes().to_vec());
}

#[test]
fn mistakes_in_msgpack_have_these_messages() {
    check(MSGPACK, &registry(), |text| msgpack(&serde_json::from_str(text).expect("the row is JSON")));
}

#[test]
fn a_format_that_nothing_converts_has_these_messages() {
    check(WITHOUT_CONVERTERS, &without_converters(), |text| text.as_bytes().to_vec());
}

/// Mistakes in JSON text.
#[rustfmt::skip]
const JSON: &[Row] = &[
(
    "empty",
    "",
    r#"line 1, column 1: expected a manifest, got an empty text; begin with {"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
),
(
    "comma missing",
    r#"{
  "version": "v1"
  "nodes": []
}"#,
    r#"line 3, column 3: expected ',' or '}', got "nodes"; put a comma before it"#,
),
(
    "comma too many",
    r#"{"version": "v1", "nodes": [],}"#,
    "line 1, column 31: expected another name after the comma, got '}'; remove the comma",
),
(
    "comma too many in a list",
    r#"{"version": "v1", "nodes": [1,]}"#,
    "line 1, column 31: nodes: expected another item after the comma, got ']'; remove the comma",
),
(
    "name without quotes",
    r#"{version: "v1"}"#,
    r#"line 1, column 2: expected a name in quotes, got version; write "version""#,
),
(
    "single quotes",
    "{'version': 'v1'}",
    "line 1, column 2: expected a name in quotes, got a single quote; JSON puts names in double quotes",
),
(
    "single quotes around a value",
    r#"{"version": 'v1'}"#,
    "line 1, column 13: version: expected a value, got a single quote; JSON puts text in double quotes",
),
(
    "comment",
    r#"{
  // the version
  "version": "v1"
}"#,
    "line 2, column 3: expected a name in quotes, got a comment; JSON has no comments: remove it, or write a manifest as YAML",
),
(
    "Python words",
    r#"{"version": "v1", "nodes": None}"#,
    "line 1, column 28: nodes: expected a value, got None; JSON writes null",
),
(
    "not closed",
    r#"{
  "version": "v1",
  "nodes": [
    {"id": "a""#,
    "line 4, column 15: nodes[0]: expected ',' or '}', got the end of the text; the map that begins on line 4 is not closed",
),
(
    "not closed where a value should stand",
    r#"{"version":"#,
    "line 1, column 12: version: expected a value, got the end of the text; the map that begins on line 1 is not closed",
),
(
    "list not closed where an item should stand",
    r#"{
  "nodes": ["#,
    "line 2, column 13: nodes[0]: expected a value, got the end of the text; the list that begins on line 2 is not closed",
),
(
    "not closed where a name should stand",
    r#"{"version": "v1","#,
    "line 1, column 18: expected a name in quotes, got the end of the text; the map that begins on line 1 is not closed",
),
(
    "quote not closed",
    r#"{
  "version": "v1,
  "nodes": []
}"#,
    r#"line 2, column 14: version: this text has no closing quote on its line; close it with '"', or write a line break within it as \n"#,
),
(
    "colon missing",
    r#"{"version" "v1"}"#,
    r#"line 1, column 12: expected ':' after the name "version", got "v1""#,
),
(
    "leading zero",
    r#"{"version": 01}"#,
    "line 1, column 13: version: 01 is not a number in JSON; write 1",
),
(
    "unknown escape",
    r#"{"version": "\d"}"#,
    r"line 1, column 14: version: JSON has no escape \d; write a backslash as \\",
),
(
    "half a surrogate pair",
    r#"{"version": "\ud83d"}"#,
    r"line 1, column 14: version: this \u escape is not a character; write four hexadecimal digits, twice for characters above U+FFFF, or the character itself",
),
(
    "text after the end",
    r#"{"version": "v1"} x"#,
    "line 1, column 19: expected the end of the text, got x",
),
(
    "word without quotes",
    r#"{"version": v1}"#,
    r#"line 1, column 13: version: expected a value, got v1; put text in quotes: "v1""#,
),
(
    "twice the same name",
    r#"{
  "version": "v1",
  "version": "v1",
  "nodes": [{"id": "a", "node_type": "PassThrough"}]
}"#,
    r#"line 3, column 3: version: the name "version" stands in this map twice; remove one of the two"#,
),
(
    "a list",
    "[1, 2]",
    r#"line 1, column 1: expected a map with 'version' and 'nodes', got a list; a manifest looks like {"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
),
(
    "all fields missing",
    "{}",
    r#"the manifest has 2 problems:
  line 1, column 1: the manifest has no 'version'; add "version": "v1"
  line 1, column 1: the manifest has no 'nodes'; add "nodes": [{"id": "a", "node_type": "PassThrough"}]"#,
),
(
    "wrong version",
    r#"{"version": "v2", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
    r#"line 1, column 13: version: expected "v1", got the text "v2"; write "version": "v1""#,
),
(
    "version as a number",
    r#"{"version": 1, "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
    r#"line 1, column 13: version: expected "v1", got 1; write "version": "v1""#,
),
(
    "no nodes",
    r#"{"version": "v1", "nodes": []}"#,
    r#"line 1, column 28: nodes: expected at least one node, got an empty list; add one, such as {"id": "a", "node_type": "PassThrough"}"#,
),
(
    "nodes as a map",
    r#"{"version": "v1", "nodes": {"a": {"node_type": "PassThrough"}}}"#,
    r#"line 1, column 28: nodes: expected a list, got a map; write each node as an item of a list: [{"id": ..., "node_type": ...}]"#,
),
(
    "nodes as text",
    r#"{"version": "v1", "nodes": "PassThrough"}"#,
    r#"line 1, column 28: nodes: expected a list, got the text "PassThrough""#,
),
(
    "node as text",
    r#"{"version": "v1", "nodes": ["PassThrough"]}"#,
    r#"line 1, column 29: nodes[0]: expected a map with 'id' and 'node_type', got the text "PassThrough"; write {"id": "a", "node_type": "PassThrough"}"#,
),
(
    "unknown fields",
    r#"{
  "version": "v1",
  "conections": [],
  "metadata": {"name": "test", "author": "me"},
  "nodes": [{"id": "a", "node_type": "PassThrough", "prams": {}}]
}"#,
    "the manifest has 3 problems:
  line 3, column 3: conections: the manifest has no field 'conections'; did you mean 'connections'?
  line 4, column 32: metadata.author: the metadata has no field 'author'; its fields are 'name', 'description' and 'created_at'
  line 5, column 53: nodes[0].prams: this node has no field 'prams'; did you mean 'params'?",
),
(
    "fields of other tools",
    r#"{
  "version": "v1",
  "nodes": [{"name": "a", "type": "PassThrough", "config": {}}],
  "edges": []
}"#,
    "the manifest has 4 problems:
  line 3, column 14: nodes[0].name: this node has no field 'name'; did you mean 'id'?
  line 3, column 27: nodes[0].type: this node has no field 'type'; did you mean 'node_type'?
  line 3, column 50: nodes[0].config: this node has no field 'config'; did you mean 'params'?
  line 4, column 3: edges: the manifest has no field 'edges'; did you mean 'connections'?",
),
(
    "on_error of a wrong word",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": "skipp"}]}"#,
    r#"line 1, column 81: nodes[0].on_error: expected "fail", "skip" or {"retry": {"times": ...}}, got the text "skipp"; did you mean "skip"?"#,
),
(
    "on_error of another word",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": "stop"}]}"#,
    r#"line 1, column 81: nodes[0].on_error: expected "fail", "skip" or {"retry": {"times": ...}}, got the text "stop"; did you mean "skip"?"#,
),
(
    "retry as a word",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": "retry"}]}"#,
    r#"line 1, column 81: nodes[0].on_error: expected "fail", "skip" or {"retry": {"times": ...}}, got the text "retry"; say how often: write {"retry": {"times": 3}}"#,
),
(
    "on_error of a wrong type",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": true}]}"#,
    r#"line 1, column 81: nodes[0].on_error: expected "fail", "skip" or {"retry": {"times": ...}}, got true"#,
),
(
    "retry as a number",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": {"retry": 3}}]}"#,
    r#"line 1, column 91: nodes[0].on_error.retry: expected a map with 'times', got 3; write "retry": {"times": 3}"#,
),
(
    "retry without times",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": {"retry": {}}}]}"#,
    r#"line 1, column 91: nodes[0].on_error.retry: 'retry' has no 'times'; say how often: "times": 3"#,
),
(
    "retry too often",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": {"retry": {"times": 1000}}}]}"#,
    r#"line 1, column 101: nodes[0].on_error.retry.times: expected an integer from 1 to 100, got 1000"#,
),
(
    "retry with fields of other tools",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": {"retry": {"attempts": 3, "delay_ms": 5}}}]}"#,
    "the manifest has 2 problems:
  line 1, column 92: nodes[0].on_error.retry.attempts: 'retry' has no field 'attempts'; did you mean 'times'?
  line 1, column 107: nodes[0].on_error.retry.delay_ms: 'retry' has no field 'delay_ms'; did you mean 'backoff_ms'?",
),
(
    "retry with a wrong end",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": {"retry": {"times": 3, "then": "retry"}}}]}"#,
    r#"line 1, column 112: nodes[0].on_error.retry.then: expected "fail" or "skip", got the text "retry""#,
),
(
    "unknown field of on_error",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "on_error": {"rety": {"times": 3}}}]}"#,
    "line 1, column 82: nodes[0].on_error.rety: 'on_error' has no field 'rety'; did you mean 'retry'?",
),
(
    "retry as a field of the node",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "retries": 3}]}"#,
    "line 1, column 69: nodes[0].retries: this node has no field 'retries'; did you mean 'on_error'?",
),
(
    "a process for a node",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "isolation": "process"}]}"#,
    r#"line 1, column 82: nodes[0].isolation: no node can run in a process of its own yet; leave 'isolation' out"#,
),
(
    "isolation of another word",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "isolation": "thred"}]}"#,
    r#"line 1, column 82: nodes[0].isolation: expected "thread", got the text "thred"; did you mean "thread"?"#,
),
(
    "unknown field in a connection",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"source": "a", "target": "b", "size": 3}]}"#,
    "the manifest has 3 problems:
  line 1, column 129: connections[0].source: this connection has no field 'source'; did you mean 'from'?
  line 1, column 144: connections[0].target: this connection has no field 'target'; did you mean 'to'?
  line 1, column 159: connections[0].size: this connection has no field 'size'; its fields are 'from', 'to', 'buffer' and 'delay_ms'",
),
(
    "metadata without name",
    r#"{"version": "v1", "metadata": {"description": "x"}, "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
    r#"line 1, column 31: metadata: the metadata has no 'name'; add "name": "...", or leave the metadata out"#,
),
(
    "node without id and type",
    r#"{"version": "v1", "nodes": [{}]}"#,
    r#"the manifest has 2 problems:
  line 1, column 29: nodes[0]: this node has no 'id'; give it a name of its own, such as "id": "a"
  line 1, column 29: nodes[0]: this node has no 'node_type'; say what it is, such as "node_type": "PassThrough""#,
),
(
    "connection without ends",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}], "connections": [{}]}"#,
    r#"the manifest has 2 problems:
  line 1, column 87: connections[0]: this connection has no 'from'; say where it begins: "from": "<id of a node>"
  line 1, column 87: connections[0]: this connection has no 'to'; say where it ends: "to": "<id of a node>""#,
),
(
    "wrong types",
    r#"{
  "version": "v1",
  "metadata": {"name": 7},
  "nodes": [{"id": 1, "node_type": true, "params": [5]}],
  "connections": [{"from": 3, "to": null}]
}"#,
    r#"the manifest has 6 problems:
  line 3, column 24: metadata.name: expected text, got 7; put it in quotes: "7"
  line 4, column 20: nodes[0].id: expected text, got 1; put it in quotes: "1"
  line 4, column 36: nodes[0].node_type: expected text, got true; put it in quotes: "true"
  line 4, column 52: nodes[0].params: expected a map, got a list
  line 5, column 28: connections[0].from: expected text, got 3; put it in quotes: "3"
  line 5, column 37: connections[0].to: expected text, got null"#,
),
(
    "empty id",
    r#"{"version": "v1", "nodes": [{"id": "", "node_type": "PassThrough"}]}"#,
    "line 1, column 36: nodes[0].id: expected an id of 1 to 128 letters, digits, '_' and '-', got an empty text",
),
(
    "id with a dot",
    r#"{"version": "v1", "nodes": [{"id": "my.node", "node_type": "PassThrough"}]}"#,
    r#"line 1, column 36: nodes[0].id: expected an id of 1 to 128 letters, digits, '_' and '-', got the text "my.node"; a dot divides a node from its port: write "my_node""#,
),
(
    "id with spaces",
    r#"{"version": "v1", "nodes": [{"id": "my node", "node_type": "PassThrough"}]}"#,
    r#"line 1, column 36: nodes[0].id: expected an id of 1 to 128 letters, digits, '_' and '-', got the text "my node"; write "my_node""#,
),
(
    "id twice",
    r#"{
  "version": "v1",
  "nodes": [
    {"id": "a", "node_type": "PassThrough"},
    {"id": "a", "node_type": "PassThrough"}
  ]
}"#,
    r#"line 5, column 12: nodes[1].id: the id 'a' is taken by nodes[0]; rename one, to "a2" for example"#,
),
(
    "node type misspelt",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculatr", "params": {"operand": 5}}]}"#,
    "line 1, column 57: nodes[0].node_type: there is no node type 'Calculatr'; did you mean 'Calculator'?",
),
(
    "node type in lower case",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "pass_through"}]}"#,
    "line 1, column 54: nodes[0].node_type: there is no node type 'pass_through'; did you mean 'PassThrough'?",
),
(
    "alias misspelt",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PasThroughNode"}]}"#,
    "line 1, column 54: nodes[0].node_type: there is no node type 'PasThroughNode'; did you mean 'PassThrough'?",
),
(
    "host type misspelt",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "Whispr"}]}"#,
    "line 1, column 54: nodes[0].node_type: there is no node type 'Whispr'; did you mean 'Whisper'?",
),
(
    "own node not declared",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "my_sentiment_model"}]}"#,
    "line 1, column 54: nodes[0].node_type: there is no node type 'my_sentiment_model'; there are 'Whisper', 'PassThrough', 'Calculator', 'Decoder', 'Encoder', 'Microphone', 'Log', 'Detector', 'Gate', 'Filter', 'Merge', 'AudioResample' and 'AudioMix'; if it is your own, declare it as a host node",
),
(
    "empty node type",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": ""}]}"#,
    "line 1, column 54: nodes[0].node_type: the node type is an empty text; there are 'Whisper', 'PassThrough', 'Calculator', 'Decoder', 'Encoder', 'Microphone', 'Log', 'Detector', 'Gate', 'Filter', 'Merge', 'AudioResample' and 'AudioMix'; if it is your own, declare it as a host node",
),
(
    "param of the wrong type",
    r#"{
  "version": "v1",
  "nodes": [
    {"id": "in", "node_type": "PassThrough"},
    {
      "id": "calc", "node_type": "Calculator",
      "params": {"operation": "add", "operand": "five"}
    }
  ]
}"#,
    r#"line 7, column 49: nodes[1].params.operand: expected a number, got the text "five""#,
),
(
    "number in quotes",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": "5"}}]}"#,
    r#"line 1, column 113: nodes[0].params.operand: expected a number, got the text "5"; remove the quotes: 5"#,
),
(
    "number for text",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "label": 5}}]}"#,
    r#"line 1, column 125: nodes[0].params.label: expected text, got 5; put it in quotes: "5""#,
),
(
    "text for a truth value",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "verbose": "yes"}}]}"#,
    r#"line 1, column 127: nodes[0].params.verbose: expected true or false, got the text "yes"; write true"#,
),
(
    "unknown param",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operandd": 5}}]}"#,
    "line 1, column 102: nodes[0].params.operandd: Calculator has no param 'operandd'; did you mean 'operand'?",
),
(
    "unknown param, nothing near",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "gpu": true}}]}"#,
    "line 1, column 116: nodes[0].params.gpu: Calculator has no param 'gpu'; its params are 'operation', 'operand', 'times', 'offset', 'seed', 'label' and 'verbose'",
),
(
    "params missing",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {}}]}"#,
    r#"the manifest has 2 problems:
  line 1, column 81: nodes[0].params: Calculator needs the param 'operation': "add", "subtract" or "multiply"; for example "params": {"operation": "add", "operand": 5}
  line 1, column 81: nodes[0].params: Calculator needs the param 'operand': a number; for example "params": {"operation": "add", "operand": 5}"#,
),
(
    "one param missing",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add"}}]}"#,
    r#"line 1, column 81: nodes[0].params: Calculator needs the param 'operand': a number; for example "operand": 5"#,
),
(
    "unknown choice",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "sub", "operand": 5}}]}"#,
    r#"line 1, column 95: nodes[0].params.operation: expected "add", "subtract" or "multiply", got the text "sub""#,
),
(
    "choice misspelt",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "subtrakt", "operand": 5}}]}"#,
    r#"line 1, column 95: nodes[0].params.operation: expected "add", "subtract" or "multiply", got the text "subtrakt"; did you mean "subtract"?"#,
),
(
    "out of range",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "times": 9}}]}"#,
    "line 1, column 125: nodes[0].params.times: expected an integer from 1 to 8, got 9",
),
(
    "below what the type holds",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "offset": -1}}]}"#,
    "line 1, column 126: nodes[0].params.offset: expected an integer from 0 to 4294967295, got -1",
),
(
    "above what the type holds",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "offset": 4294967296}}]}"#,
    "line 1, column 126: nodes[0].params.offset: expected an integer from 0 to 4294967295, got 4294967296",
),
(
    "whole float for an integer",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "offset": 5.0}}]}"#,
    "line 1, column 126: nodes[0].params.offset: expected an integer, got 5.0; write 5",
),
(
    "float for an integer",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "offset": 5.5}}]}"#,
    "line 1, column 126: nodes[0].params.offset: expected an integer, got 5.5",
),
(
    "text for a bounded integer",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "times": "many"}}]}"#,
    r#"line 1, column 125: nodes[0].params.times: expected an integer from 1 to 8, got the text "many""#,
),
(
    "integer above 64 bits",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5, "seed": 18446744073709551616}}]}"#,
    "line 1, column 124: nodes[0].params.seed: expected an integer from -2^63 to 2^64 - 1, got 18446744073709551616",
),
(
    "float beyond its range",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 1e999}}]}"#,
    "line 1, column 113: nodes[0].params.operand: expected a number that fits a 64-bit float, got 1e999",
),
(
    "null for a number",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": null}}]}"#,
    "line 1, column 113: nodes[0].params.operand: expected a number, got null",
),
(
    "list for a number",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": [5]}}]}"#,
    "line 1, column 113: nodes[0].params.operand: expected a number, got a list",
),
(
    "several at once",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "ad", "operand": "x", "times": 0, "loud": 1}}]}"#,
    r#"the manifest has 4 problems:
  line 1, column 95: nodes[0].params.operation: expected "add", "subtract" or "multiply", got the text "ad"; did you mean "add"?
  line 1, column 112: nodes[0].params.operand: expected a number, got the text "x"
  line 1, column 126: nodes[0].params.times: expected an integer from 1 to 8, got 0
  line 1, column 129: nodes[0].params.loud: Calculator has no param 'loud'; its params are 'operation', 'operand', 'times', 'offset', 'seed', 'label' and 'verbose'"#,
),
(
    "params where there are none",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough", "params": {"x": 1}}]}"#,
    "line 1, column 80: nodes[0].params.x: PassThrough has no param 'x'; remove it: there are none",
),
(
    "above its range",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector", "params": {"threshold": 1.5}}]}"#,
    "line 1, column 92: nodes[0].params.threshold: expected a number from 0 to 1, got 1.5",
),
(
    "inside a nested param",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector", "params": {"smoothing": {"window": 70000}}}]}"#,
    "line 1, column 103: nodes[0].params.smoothing.window: expected an integer from 0 to 65535, got 70000",
),
(
    "missing inside a nested param",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector", "params": {"smoothing": {}}}]}"#,
    "line 1, column 92: nodes[0].params.smoothing: 'window' is missing: an integer",
),
(
    "unknown inside a nested param",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector", "params": {"smoothing": {"window": 3, "windw": 3}}}]}"#,
    "line 1, column 106: nodes[0].params.smoothing.windw: there is no 'windw' here; did you mean 'window'?",
),
(
    "wrong item of a list",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector", "params": {"segment_ms": [100, "long"]}}]}"#,
    r#"line 1, column 99: nodes[0].params.segment_ms[1]: expected an integer, got the text "long""#,
),
(
    "list too long",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector", "params": {"segment_ms": [1, 2, 3]}}]}"#,
    "line 1, column 93: nodes[0].params.segment_ms: expected a list of at most 2 items, got 3 items",
),
(
    "one param against another",
    r#"{"version": "v1", "nodes": [{"id": "gate", "node_type": "Gate", "params": {"open_db": -40, "close_db": -30}}]}"#,
    "line 1, column 104: nodes[0].params.close_db: expected at most open_db, which is -40, got -30",
),
(
    "variant with an unknown tag",
    r#"{"version": "v1", "nodes": [{"id": "f", "node_type": "Filter", "params": {"shape": {"kind": "low_pas", "cutoff_hz": 100}}}]}"#,
    r#"line 1, column 93: nodes[0].params.shape.kind: expected "low_pass" or "band_pass", got the text "low_pas"; did you mean "low_pass"?"#,
),
(
    "variant with a wrong field",
    r#"{"version": "v1", "nodes": [{"id": "f", "node_type": "Filter", "params": {"shape": {"kind": "band_pass", "low_hz": 100, "high_hz": "x"}}}]}"#,
    r#"line 1, column 132: nodes[0].params.shape.high_hz: expected a number, got the text "x""#,
),
(
    "variant of another type",
    r#"{"version": "v1", "nodes": [{"id": "f", "node_type": "Filter", "params": {"shape": "low_pass"}}]}"#,
    r#"line 1, column 84: nodes[0].params.shape: expected a map, got the text "low_pass""#,
),
(
    "connection to an unknown node",
    r#"{"version": "v1", "nodes": [{"id": "mic", "node_type": "Microphone"}, {"id": "gate", "node_type": "PassThrough"}], "connections": [{"from": "mic", "to": "gates"}, {"from": "speaker", "to": "gate"}]}"#,
    "the manifest has 2 problems:
  line 1, column 154: connections[0].to: there is no node 'gates'; did you mean 'gate'?
  line 1, column 173: connections[1].from: there is no node 'speaker'; there are 'mic' and 'gate'",
),
(
    "connection to an empty id",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "", "to": "b"}]}"#,
    "line 1, column 137: connections[0].from: the id of a node is missing here; there are 'a' and 'b'",
),
(
    "connection to an unknown port",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "vad.speach", "to": "b"}, {"from": "vad.in", "to": "b"}, {"from": "vad.event", "to": "b.input"}]}"#,
    "the manifest has 3 problems:
  line 1, column 136: connections[0].from: 'vad' (Detector) has no output 'speach'; did you mean 'vad.speech'?
  line 1, column 171: connections[1].from: 'vad' (Detector) has no output 'in'; its outputs are 'vad.speech' and 'vad.event'
  line 1, column 221: connections[2].to: 'b' (PassThrough) has no input 'input'; its only input is 'b.in'",
),
(
    "which of several ports",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector"}, {"id": "merge", "node_type": "Merge"}], "connections": [{"from": "vad", "to": "merge"}]}"#,
    "the manifest has 2 problems:
  line 1, column 134: connections[0].from: 'vad' (Detector) has 2 outputs; say which: 'vad.speech' or 'vad.event'
  line 1, column 147: connections[0].to: 'merge' (Merge) has 2 inputs; say which: 'merge.left' or 'merge.right'",
),
(
    "two dots",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a.out.left", "to": "b"}]}"#,
    "line 1, column 137: connections[0].from: 'a' (PassThrough) has no output 'out.left'; its only output is 'a.out'",
),
(
    "connection into a source",
    r#"{"version": "v1", "nodes": [{"id": "mic", "node_type": "Microphone"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "b", "to": "mic"}]}"#,
    "line 1, column 149: connections[0].to: 'mic' (Microphone) is a source: it has no input; turn the connection around or remove it",
),
(
    "connection out of a sink",
    r#"{"version": "v1", "nodes": [{"id": "log", "node_type": "Log"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "log", "to": "b"}]}"#,
    "line 1, column 131: connections[0].from: 'log' (Log) is a sink: it has no output; turn the connection around or remove it",
),
(
    "named ends that are no maps",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}],
 "inputs": ["a"], "outputs": "a"}"#,
    r#"the manifest has 2 problems:
  line 2, column 12: inputs: expected a map, got a list; give each a name: write "inputs": {"a": "<id of a node>"}
  line 2, column 30: outputs: expected a map, got the text "a""#,
),
(
    "named ends without a name",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}],
 "inputs": {}, "outputs": {}}"#,
    r#"the manifest has 2 problems:
  line 2, column 12: inputs: expected at least one input, got an empty map; leave 'inputs' out
  line 2, column 27: outputs: expected at least one output, got an empty map; leave 'outputs' out"#,
),
(
    "names of ends",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}],
 "inputs": {"my mic": "a"},
 "outputs": {"": "a"}}"#,
    r#"the manifest has 2 problems:
  line 2, column 13: inputs["my mic"]: expected an input with a name of 1 to 128 letters, digits, '_' and '-', got the text "my mic"; write "my_mic"
  line 3, column 14: outputs[""]: expected an output with a name of 1 to 128 letters, digits, '_' and '-', got an empty text"#,
),
(
    "ends that do not exist",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector"}, {"id": "m", "node_type": "Merge"}],
 "inputs": {"mic": "vat", "far": ["m.left", "m.center", "m"]},
 "outputs": {"a": "vad", "b": "vad.speach", "c": "m.left"}}"#,
    r#"the manifest has 6 problems:
  line 2, column 20: inputs.mic: there is no node 'vat'; did you mean 'vad'?
  line 2, column 45: inputs.far[1]: 'm' (Merge) has no input 'center'; its inputs are 'm.left' and 'm.right'
  line 2, column 57: inputs.far[2]: 'm' (Merge) has 2 inputs; say which: 'm.left' or 'm.right'
  line 3, column 19: outputs.a: 'vad' (Detector) has 2 outputs; say which: 'vad.speech' or 'vad.event'
  line 3, column 31: outputs.b: 'vad' (Detector) has no output 'speach'; did you mean 'vad.speech'?
  line 3, column 50: outputs.c: 'm' (Merge) has no output 'left'; its only output is 'm.out'"#,
),
(
    "ends of nodes that have none",
    r#"{"version": "v1", "nodes": [{"id": "mic", "node_type": "Microphone"}, {"id": "log", "node_type": "Log"}],
 "inputs": {"x": "mic"},
 "outputs": {"y": "log"}}"#,
    r#"the manifest has 2 problems:
  line 2, column 18: inputs.x: 'mic' (Microphone) is a source: it has no input; name an input of another node, or leave this one out
  line 3, column 19: outputs.y: 'log' (Log) is a sink: it has no output; name an output of another node, or leave this one out"#,
),
(
    "ends of the wrong type",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}],
 "inputs": {"x": 3, "y": []},
 "outputs": {"z": ["a"], "w": {"from": "a"}}}"#,
    r#"the manifest has 4 problems:
  line 2, column 18: inputs.x: expected text or a list, got 3; put it in quotes: "3"
  line 2, column 26: inputs.y: expected text or a list of at least 1 item, got 0 items
  line 3, column 19: outputs.z: expected text, got a list; write an output for each
  line 3, column 31: outputs.w: expected text, got a map"#,
),
(
    "the same end twice",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}],
 "inputs": {"x": ["a", "a.in"], "y": "a"}}"#,
    r#"line 2, column 24: inputs.x[1]: 'a.in' stands in this list twice; remove one of the two"#,
),
(
    "a node that no input reaches",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}, {"id": "mic", "node_type": "Microphone"}],
 "inputs": {"x": "a"}}"#,
    r#"line 1, column 70: nodes[1]: nothing comes to 'b': no input names it, and no connection leads to it; add 'b' to 'inputs', connect it, or remove it"#,
),
(
    "fields of other tools for ends",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}], "input": {"x": "a"}, "sinks": {"y": "a"}}"#,
    r#"the manifest has 2 problems:
  line 1, column 71: input: the manifest has no field 'input'; did you mean 'inputs'?
  line 1, column 92: sinks: the manifest has no field 'sinks'; did you mean 'outputs'?"#,
),
(
    "connection twice",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b"}, {"from": "a.out", "to": "b.in"}]}"#,
    "line 1, column 154: connections[1]: 'a' to 'b' is connected by connections[0] already; remove one of the two",
),
(
    "self-loop",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "a"}]}"#,
    "line 1, column 128: connections[0]: 'a' is connected to itself; remove this connection, or give it a delay_ms",
),
(
    "cycle of two",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]}"#,
    "line 1, column 154: connections[1]: the nodes form a cycle: a -> b -> a; give the connection that goes backwards a delay_ms, or remove one of these",
),
(
    "cycle of three",
    r#"{
  "version": "v1",
  "nodes": [
    {"id": "a", "node_type": "PassThrough"},
    {"id": "b", "node_type": "PassThrough"},
    {"id": "c", "node_type": "PassThrough"}
  ],
  "connections": [
    {"from": "b", "to": "c"},
    {"from": "c", "to": "a"},
    {"from": "a", "to": "b"}
  ]
}"#,
    "line 10, column 5: connections[1]: the nodes form a cycle: a -> b -> c -> a; give the connection that goes backwards a delay_ms, or remove one of these",
),
(
    "delay on a connection that goes forward",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "delay_ms": 20}]}"#,
    "line 1, column 165: connections[0].delay_ms: delay_ms is for a connection that goes backwards, and nothing leads from 'b' to 'a'; remove it",
),
(
    "delay out of range",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "a", "delay_ms": 0}, {"from": "a", "to": "a", "delay_ms": 60001}]}"#,
    "the manifest has 2 problems:
  line 1, column 191: connections[1].delay_ms: expected an integer from 1 to 60000, got 0
  line 1, column 232: connections[2].delay_ms: expected an integer from 1 to 60000, got 60001",
),
(
    "policy of a connection that goes backwards",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "a", "delay_ms": 20, "buffer": {"policy": "block"}}]}"#,
    "line 1, column 216: connections[1].buffer.policy: a connection with delay_ms drops its oldest packets, and can't 'block'; leave the policy out",
),
(
    "incompatible ports, a node would mend it",
    r#"{"version": "v1", "nodes": [{"id": "encode", "node_type": "Encoder"}, {"id": "gate", "node_type": "Gate", "params": {"open_db": -30, "close_db": -40}}], "connections": [{"from": "encode", "to": "gate"}]}"#,
    "line 1, column 170: connections[0]: 'encode' gives bytes, but 'gate' takes audio; put a node between them that turns one into the other, such as Decoder",
),
(
    "incompatible ports",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector"}, {"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": 5}}], "connections": [{"from": "vad.event", "to": "calc"}]}"#,
    "line 1, column 175: connections[0]: 'vad.event' gives map, but 'calc' takes int, float or list; connect 'vad.event' to a node that takes map",
),
(
    "connection as an arrow",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": ["a -> b"]}"#,
    r#"line 1, column 128: connections[0]: expected a map with 'from' and 'to', got the text "a -> b"; write {"from": "a", "to": "b"}"#,
),
(
    "connection as a pair",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [["a", "b"]]}"#,
    r#"line 1, column 128: connections[0]: expected a map with 'from' and 'to', got a list; write {"from": "a", "to": "b"}"#,
),
(
    "connection to several",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}, {"id": "c", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": ["b", "c"]}]}"#,
    "line 1, column 189: connections[0].to: expected text, got a list; write one connection for each",
),
(
    "connections as a map",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": {"a": "b"}}"#,
    r#"line 1, column 127: connections: expected a list, got a map; write each connection as an item of a list: [{"from": ..., "to": ...}]"#,
),
(
    "policy misspelt",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "buffer": {"packets": 8, "policy": "drop_old"}}]}"#,
    r#"line 1, column 188: connections[0].buffer.policy: expected "block", "drop_oldest" or "drop_newest", got the text "drop_old"; did you mean "drop_oldest"?"#,
),
(
    "no room at all",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "buffer": {"packets": 0}}]}"#,
    r#"line 1, column 175: connections[0].buffer.packets: expected an integer from 1 to 4294967295, got 0"#,
),
(
    "buffer as a number",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "buffer": 8}]}"#,
    r#"line 1, column 163: connections[0].buffer: expected a map, got 8; write {"packets": 8}"#,
),
(
    "buffer as a policy",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "buffer": "drop_oldest"}]}"#,
    r#"line 1, column 163: connections[0].buffer: expected a map, got the text "drop_oldest"; write {"policy": "drop_oldest"}"#,
),
(
    "another name for packets",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "buffer": {"size": 8}}]}"#,
    r#"line 1, column 164: connections[0].buffer.size: this buffer has no field 'size'; did you mean 'packets'?"#,
),
(
    "field that no buffer has",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b", "buffer": {"seconds_of_sound": 8}}]}"#,
    r#"line 1, column 164: connections[0].buffer.seconds_of_sound: this buffer has no field 'seconds_of_sound'; its fields are 'packets', 'bytes', 'ms' and 'policy'"#,
),
];

/// Mistakes in YAML text.
#[rustfmt::skip]
const YAML: &[Row] = &[
(
    "a path",
    "pipelines/voice.yaml",
    r#"line 1, column 1: expected a map with 'version' and 'nodes', got the text "pipelines/voice.yaml"; pass the text of the manifest, not its path"#,
),
(
    "tab",
    "version: v1
nodes:
	- id: a",
    "line 3, column 2: nodes: a tab in the indentation; indent YAML with spaces",
),
(
    "indentation",
    "version: v1
nodes:
  - id: a
    node_type: PassThrough
   params: {}",
    "line 5, column 4: nodes: the indentation does not fit the lines above; align it with the entries it belongs to",
),
(
    "not closed",
    "version: v1
nodes: [{id: a, node_type: PassThrough}",
    "line 2, column 8: nodes: a '{' or '[' is not closed; close it with '}' or ']'",
),
(
    "name without a colon",
    "version: v1
nodes
connections: []",
    "line 2, column 1: a name without ':' after it; write 'name: value'",
),
(
    "quote not closed",
    r#"version: "v1
nodes: []"#,
    "line 1, column 10: version: a text in quotes is not closed; close it with the same quote",
),
(
    "twice the same name",
    "version: v1
nodes:
  - id: a
    id: b
    node_type: PassThrough",
    r#"line 4, column 5: nodes[0].id: the name "id" stands in this map twice; remove one of the two"#,
),
(
    "unknown alias",
    "version: v1
nodes: *all",
    "line 2, column 8: nodes: this alias refers to no anchor above it; define it with '&' first, or put text that \
     begins with '*' in quotes",
),
(
    "fields of a name without quotes, in a map",
    "version: v1
nodes: [{id: a, node_type: FileSink, params: {path: out/{stem}.wav}}]",
    "line 2, column 57: nodes[0].params: text without quotes ends at a brace; put text that holds braces in quotes",
),
(
    "fields of a name without quotes",
    "version: v1
nodes:
  - id: a
    node_type: FileSink
    params:
      path: {stem}.wav",
    "line 6, column 19: nodes[0].params: text without quotes ends at a brace; put text that holds braces in quotes",
),
(
    "alias of itself",
    "version: v1
nodes: &all [*all]",
    "line 2, column 14: nodes[0]: this alias stands inside of what it refers to",
),
(
    "tag",
    "version: v1
nodes:
  - id: !env NAME
    node_type: PassThrough",
    "line 3, column 14: nodes[0].id: expected a plain value, got one with the tag !env; remove the tag",
),
(
    "two documents",
    "version: v1
nodes: [{id: a, node_type: PassThrough}]
---
version: v1",
    "line 3, column 1: a second YAML document begins here; a manifest is one document: remove the '---' or the rest",
),
(
    "only a comment",
    "# nothing yet",
    r#"line 1, column 1: expected a map with 'version' and 'nodes', got nothing; a manifest looks like {"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
),
(
    "misspelt everything",
    "version: v1
nodes:
  - id: calc
    node_type: Calculatr
  - id: sum
    node_type: Calculator
    params:
      operation: plus
      operand: five
      tims: 3
connections:
  - from: calc
    to: summ
  - {from: sum, to: calc.in}
  - {from: calc, to: sum}",
    r#"the manifest has 6 problems:
  line 4, column 16: nodes[0].node_type: there is no node type 'Calculatr'; did you mean 'Calculator'?
  line 8, column 18: nodes[1].params.operation: expected "add", "subtract" or "multiply", got the text "plus"
  line 9, column 16: nodes[1].params.operand: expected a number, got the text "five"
  line 10, column 7: nodes[1].params.tims: Calculator has no param 'tims'; did you mean 'times'?
  line 13, column 9: connections[0].to: there is no node 'summ'; did you mean 'sum'?
  line 14, column 5: connections[1]: the nodes form a cycle: calc -> sum -> calc; give the connection that goes backwards a delay_ms, or remove one of these"#,
),
(
    "number where text is needed",
    "version: v1
nodes:
  - id: 1
    node_type: PassThrough",
    r#"line 3, column 9: nodes[0].id: expected text, got 1; put it in quotes: "1""#,
),
(
    "no for a truth value",
    "version: v1
nodes:
  - id: calc
    node_type: Calculator
    params: {operation: add, operand: 5, verbose: no}",
    r#"line 5, column 51: nodes[0].params.verbose: expected true or false, got the text "no"; write false"#,
),
(
    "not a finite number",
    "version: v1
nodes:
  - id: calc
    node_type: Calculator
    params: {operation: add, operand: .inf}",
    "line 5, column 39: nodes[0].params.operand: expected a finite number, got .inf",
),
(
    "version without quotes",
    "version: 1.0
nodes: [{id: a, node_type: PassThrough}]",
    r#"line 1, column 10: version: expected "v1", got 1.0; write "version": "v1""#,
),
(
    "list forgotten",
    "version: v1
nodes:
  id: a
  node_type: PassThrough",
    r#"line 3, column 3: nodes: expected a list, got a map; write each node as an item of a list: [{"id": ..., "node_type": ...}]"#,
),
(
    "quote in the middle",
    r#"version: v1
nodes:
  - {id: a, node_type: "Pass}"#,
    "line 3, column 24: nodes: a text in quotes is not closed; close it with the same quote",
),
(
    "colon in text",
    "version: v1
metadata:
  name: live: the show",
    "line 3, column 13: metadata: a ':' where none can stand; put text that holds ': ' in quotes",
),
(
    "comma missing",
    "version: v1
nodes: [{id: a node_type: PassThrough}]",
    "line 2, column 25: nodes[0]: a comma is missing before this; put ',' between the entries",
),
(
    "at sign",
    "version: v1
metadata:
  name: @home",
    "line 3, column 9: metadata.name: text can't begin with this character; put the text in quotes",
),
(
    "backslash",
    r#"version: v1
metadata:
  name: "C:\data""#,
    r"line 3, column 9: metadata.name: YAML has no such escape in double quotes; write a backslash as \\, or use single quotes",
),
(
    "a list as a name",
    "version: v1
? [a, b]
: 1",
    "line 2, column 3: expected a name, got a list",
),
(
    "merge of no map",
    "version: v1
nodes:
  - <<: 3
    id: a
    node_type: PassThrough",
    r#"line 3, column 9: nodes[0]["<<"]: expected a map to merge, got 3"#,
),
(
    "integer above 64 bits",
    "version: v1
nodes:
  - id: a
    node_type: Calculator
    params: {operation: add, operand: 1, seed: 0x10000000000000000}",
    "line 5, column 48: nodes[0].params.seed: expected an integer from -2^63 to 2^64 - 1, got 0x10000000000000000",
),
];

/// Mistakes in msgpack, which has paths only. Shown as the JSON that it was encoded from.
#[rustfmt::skip]
const MSGPACK: &[Row] = &[
(
    "wrong type",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "add", "operand": "five"}}]}"#,
    r#"nodes[0].params.operand: expected a number, got the text "five""#,
),
(
    "misspelt",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculatr"}], "connections": [{"from": "calc", "to": "cal"}]}"#,
    "the manifest has 2 problems:
  nodes[0].node_type: there is no node type 'Calculatr'; did you mean 'Calculator'?
  connections[0].to: there is no node 'cal'; did you mean 'calc'?",
),
(
    "fields missing",
    r#"{"nodes": [{"id": "a"}]}"#,
    r#"the manifest has 2 problems:
  the manifest has no 'version'; add "version": "v1"
  nodes[0]: this node has no 'node_type'; say what it is, such as "node_type": "PassThrough""#,
),
(
    "cycle",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}], "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]}"#,
    "connections[1]: the nodes form a cycle: a -> b -> a; give the connection that goes backwards a delay_ms, or remove one of these",
),
(
    "several param mistakes",
    r#"{"version": "v1", "nodes": [{"id": "calc", "node_type": "Calculator", "params": {"operation": "plus", "operand": 1, "times": 9, "loud": 1}}]}"#,
    r#"the manifest has 3 problems:
  nodes[0].params.operation: expected "add", "subtract" or "multiply", got the text "plus"
  nodes[0].params.times: expected an integer from 1 to 8, got 9
  nodes[0].params.loud: Calculator has no param 'loud'; its params are 'operation', 'operand', 'times', 'offset', 'seed', 'label' and 'verbose'"#,
),
];

/// JSON text for a runtime that has no `AudioMix` and no `AudioResample`.
#[rustfmt::skip]
const WITHOUT_CONVERTERS: &[Row] = &[
(
    "no converter for the rate",
    r#"{"version": "v1", "nodes": [{"id": "mic", "node_type": "Microphone"}, {"id": "vad", "node_type": "Detector"}], "connections": [{"from": "mic", "to": "vad"}]}"#,
    r#"line 1, column 128: connections[0]: 'vad' needs 16000 Hz, which 'mic' does not promise; put a node before 'vad' that converts it, such as AudioResample with {"rate": 16000}"#,
),
(
    "no converter for the input",
    r#"{"version": "v1", "nodes": [{"id": "vad", "node_type": "Detector"}]}"#,
    r#"line 1, column 29: nodes[0]: 'vad' needs 1 channel, which the input of the graph does not promise; put a node before 'vad' that converts it, such as AudioMix with {"channels": 1}"#,
),
];
