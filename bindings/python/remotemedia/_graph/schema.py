"""The Arrow schema of what a pipeline gives: declared by its plan, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .._functions.spec import SINGLE, CallSpec
from .._manifest.catalog import node_types, type_name
from .._problem.maps import map_of
from .._results.arrow_types import ARRAYS, KINDS, Shape, pyarrow_for, type_of_shape
from .._results.columns import PACKET_COLUMNS, column_of_key
from ..errors import InvalidArgumentError, UnsupportedError
from .annotated_shape import gives_arrays, shape_of_results
from .function_node import NodeFunction
from .plan import Plan


def schema_of(
    plan: Plan, functions: Mapping[str, Any], rows: str, arrays: bool, types: Mapping[str, Any] | None
) -> Any:
    """The `pyarrow.Schema` of a plan. `functions` are the Python functions in it by the ids of their nodes.

    Raises `UnsupportedError` for an output whose values have no type that is known, and is not in `types`.
    """
    pyarrow = pyarrow_for("schema")
    if rows not in ("packets", "items"):
        raise InvalidArgumentError(f"rows must be 'packets' or 'items', got {rows!r}")
    given = map_of("types", types)
    unknown = next((name for name in given if name not in plan.sinks), None)
    if unknown is not None:
        raise InvalidArgumentError(
            f"types: there is no output {unknown!r}; there is {' and '.join(map(repr, plan.sinks))}"
        )
    shapes = _Shapes(plan, functions)
    found = {}
    for output in plan.outputs:
        name = output["name"]
        if name not in given:
            shape = shapes.of_end(output["from"])
            if shape is None:
                raise UnsupportedError(shapes.missing(name, output["from"]))
            given[name] = type_of_shape(shape, arrays)
        found[name] = given[name]
    if rows == "items":
        return pyarrow.schema([(name, pyarrow.list_(each)) for name, each in found.items()])
    return pyarrow.schema(list(_packet_columns(found).items()))


def functions_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The Python functions in a manifest by the ids of their nodes."""
    return {node["id"]: node["node_type"] for node in manifest["nodes"] if callable(node["node_type"])}


def arrays_of(plan: Plan, functions: Mapping[str, Any]) -> dict[str, bool | None]:
    """For each output of a plan whether it gives audio or tensors; None where that is not known before it runs."""
    shapes = _Shapes(plan, functions)
    return {output["name"]: shapes.are_arrays(output["from"]) for output in plan.outputs}


def _packet_columns(types: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a table with a row for each packet, for outputs of these types."""
    import pyarrow

    columns = {name: type_of_shape(kind) for name, kind in PACKET_COLUMNS.items()}
    values: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for sink, each in types.items():
        if pyarrow.types.is_map(each):
            raise UnsupportedError(
                f"the output {sink!r} gives maps whose keys are not known, each of which would be a column; "
                "ask for rows='items', which have a column for each output"
            )
        is_map = pyarrow.types.is_struct(each) and not _is_media(each)
        for name, type_ in [(column_of_key(f.name), f.type) for f in each] if is_map else [("value", each)]:
            if values.setdefault(name, type_) != type_:
                raise UnsupportedError(
                    f"the outputs {owners[name]!r} and {sink!r} have different types in the column {name!r}; "
                    "ask for rows='items', which have a column for each output"
                )
            owners.setdefault(name, sink)
    # As in tables of results, behind all columns for keys.
    last = {"value": values.pop("value")} if "value" in values else {}
    return columns | values | last


def _is_media(type_: Any) -> bool:
    return any(type_ == type_of_shape(kind, arrays) for kind in KINDS for arrays in (True, False))


class _Shapes:
    """What comes out of the ports of a plan."""

    def __init__(self, plan: Plan, functions: Mapping[str, Any]) -> None:
        self.nodes: dict[str, dict[str, Any]] = {node["id"]: node for node in plan.nodes}
        self.links = [link for link in plan.connections if link["kind"] != "feedback"]
        self.forms = {output["from"]: output["form"] for output in plan.outputs if "form" in output}
        self.functions = functions

    def of_end(self, end: str) -> Shape | None:
        """What comes out of an end, `node.port`; None if its kind does not say what it looks like."""
        name, port = self._parts(end)
        if self.nodes[name]["runner"] == "host":
            return self._of_function(name)
        if end in self.forms:
            form = self.forms[end]
            return _shape_of_fields(form["fields"]) if "fields" in form else _of_kinds([form["kind"]])
        declared = self._declared(name, port)
        return self._of_inputs(name) if declared.get("like_input") else _of_kinds(declared["kinds"])

    def are_arrays(self, end: str) -> bool | None:
        """Whether audio or tensors come out of an end; None if its kinds do not say so."""
        name, port = self._parts(end)
        node = self.nodes[name]
        shape = self.of_end(end)
        if shape is not None:
            return shape in ARRAYS
        if node["runner"] == "host":
            function = self.functions.get(name)
            return None if function is None else gives_arrays(*_annotated(function))
        declared = self._declared(name, port)
        if declared.get("like_input"):
            found = {self.are_arrays(source) for source in self._sources(name)}
        else:
            found = {kind in ARRAYS for kind in declared["kinds"]}
        return found.pop() if len(found) == 1 else None

    def missing(self, name: str, end: str) -> str:
        """What is wrong with an output whose shape is not known, and the cure."""
        node = end.rpartition(".")[0] or end
        cure = f"say it: types={{{name!r}: pyarrow.float64()}}, or whatever comes"
        if node in self.functions:
            cure = f"annotate what the function returns, or {cure}"
        return f"what comes out of {name!r} has no type that is known before it runs; {cure}"

    def _of_function(self, name: str) -> Shape | None:
        function = self.functions.get(name)
        if function is None:
            return None
        declared = function.emits if isinstance(function, NodeFunction) else None
        return declared or shape_of_results(*_annotated(function))

    def _of_inputs(self, name: str) -> Shape | None:
        shapes = [self.of_end(source) for source in self._sources(name)]
        return shapes[0] if shapes and all(shape == shapes[0] for shape in shapes) else None

    def _sources(self, name: str) -> list[str]:
        """The ends that a node gets its values from."""
        return [link["from"] for link in self.links if link["to"].rpartition(".")[0] == name]

    def _declared(self, name: str, port: str) -> Mapping[str, Any]:
        """What the type of a built-in node declares of a port, of the first where there is no name."""
        outputs = node_types()[type_name(self.nodes[name]["node_type"])]["outputs"]
        found: Mapping[str, Any] = next((each for each in outputs if each["name"] == port), outputs[0])
        return found

    def _parts(self, end: str) -> tuple[str, str]:
        """The node of an end, and its port, which is empty where the node has one."""
        name, _, port = end.rpartition(".") if end not in self.nodes else (end, "", "")
        return name, port


def _annotated(function: Any) -> tuple[Any, CallSpec]:
    """The plain function or class of a node, and how it is called."""
    return (function.fn, function.spec) if isinstance(function, NodeFunction) else (function, SINGLE)


def _of_kinds(kinds: list[str]) -> Shape | None:
    """The shape of values of these kinds, if it is one and known."""
    return kinds[0] if len(kinds) == 1 and kinds[0] in KINDS else None


def _shape_of_fields(fields: Any) -> Shape:
    """The shape of a map with fields as a plan has them: kinds, lists, and fields again."""
    if isinstance(fields, Mapping):
        return {name: _shape_of_fields(each) for name, each in fields.items()}
    return (_shape_of_fields(fields[0]),) if isinstance(fields, list) else cast("Shape", fields)
