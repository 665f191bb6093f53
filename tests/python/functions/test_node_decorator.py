"""`@node`: functions as nodes in pipelines, in dicts, and in text."""

from __future__ import annotations

import pickle
import typing
import weakref
from typing import Any, Literal

import pytest
import remotemedia as rm
from conftest import chain, eventually
from face_functions import even, scale

ALLOWED = ["face_functions"]
TEXT = (rm.Pipeline("scaled") >> even() >> scale(by=10)).to_yaml()


@rm.node
def choosy(value: Any, *, mode: Literal["a", "b"] = "a", names: list[str] | None = None, free: Any = 0) -> Any:
    return [value, mode, names, free]


async def test_functions_run_in_pipelines_and_none_emits_nothing() -> None:
    pipeline = rm.Pipeline() >> even >> scale(by=10, offset=1)
    assert await pipeline.run([1, 2, 3, 4]) == [21, 41]
    assert list(pipeline.nodes) == ["even", "scale"]
    assert scale.fn(2, by=3) == 6
    assert await (rm.Pipeline() >> [even, scale(by=2, name="twice")]).run([2]) == {"even": [2], "twice": [4]}


def test_functions_run_in_dicts() -> None:
    assert rm.execute_sync(chain(("s", scale, {"by": 2})), [1]) == [2]


def test_calling_it_with_a_value_is_refused() -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        scale(3)
    assert str(caught.value) == (
        "scale(...) makes a node and takes params by name; to call the function write scale.fn(...)"
    )


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (lambda: scale(), "nodes[0].params: scale needs the param 'by'"),
        (lambda: scale(by=1, ofset=2), "nodes[0].params.ofset: scale has no param 'ofset'; did you mean 'offset'?"),
        (lambda: even(x=1), "nodes[0].params.x: even has no param 'x'; remove it: there are none"),
        (lambda: scale(by="1"), 'nodes[0].params.by: expected a number, got the text "1"'),
        (lambda: scale(by=1, offset=True), "nodes[0].params.offset: expected an integer, got true"),
        (lambda: choosy(mode="c"), 'nodes[0].params.mode: expected "a" or "b", got the text "c"'),
        (lambda: choosy(names=1), "nodes[0].params.names: expected a list or null, got the number 1"),
    ],
)
def test_wrong_params_are_found_before_anything_runs(node: Any, message: str) -> None:
    pipeline = rm.Pipeline() >> node()
    for check in (pipeline.validate, lambda: pipeline.run_sync([1])):
        with pytest.raises(rm.ManifestError) as caught:
            check()
        assert str(caught.value) == message
        assert len(caught.value.problems) == 1


def test_wrong_params_are_told_with_all_other_problems() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> scale(x=1) >> rm.Node("Ecko")).validate()
    assert str(caught.value) == (
        "the manifest has 3 problems:\n"
        "  nodes[1].node_type: there is no node type 'Ecko'; did you mean 'Echo'?\n"
        "  nodes[0].params.x: scale has no param 'x'; it takes 'by', 'offset'\n"
        "  nodes[0].params: scale needs the param 'by'"
    )


def test_params_that_fit_pass() -> None:
    assert (rm.Pipeline() >> choosy(mode="b", names=["n"], free={"k": 1})).run_sync([0]) == [[0, "b", ["n"], {"k": 1}]]
    assert (rm.Pipeline() >> scale(by=2)).run_sync([1]) == [2]


async def test_text_names_functions_of_allowed_packages() -> None:
    assert 'node_type: "python:face_functions:even"' in TEXT
    assert await rm.execute(TEXT, [1, 2], python=ALLOWED) == [20]
    loaded = rm.Pipeline.load(TEXT, python=ALLOWED)
    assert await loaded.run([2, 3]) == [20]
    assert loaded.to_yaml() == TEXT


@pytest.mark.parametrize("python", [[], ["face"], ["face_functions.inner"]])
def test_other_packages_are_refused(python: list[str]) -> None:
    for use in (rm.Pipeline.load, rm.execute_sync):
        with pytest.raises(rm.ManifestError) as caught:
            use(TEXT, python=python)
        assert str(caught.value) == (
            "the manifest has 2 problems:\n"
            "  nodes[0].node_type: 'python:face_functions:even' runs Python code of 'face_functions'; "
            "if you trust it, allow it with python=['face_functions']\n"
            "  nodes[1].node_type: 'python:face_functions:scale' runs Python code of 'face_functions'; "
            "if you trust it, allow it with python=['face_functions']"
        )
    with pytest.raises(rm.InvalidArgumentError, match=r"python must be a list of packages; write python=\['x'\]"):
        rm.Pipeline.load(TEXT, python="x")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("python:face_functions:plain", "face_functions.plain is no node; decorate it with @remotemedia.node"),
        ("python:face_functions:nope", "the module 'face_functions' has no function 'nope'"),
        (
            "python:face_functions.x:y",
            "the module 'face_functions.x' can't be imported: ModuleNotFoundError: "
            "No module named 'face_functions.x'; 'face_functions' is not a package",
        ),
        ("python:", "'python:' names no function; write python:package.module:function"),
    ],
)
def test_names_that_lead_to_no_node(name: str, message: str) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.Pipeline.load(chain(("a", name, {})), python=ALLOWED)
    assert str(caught.value) == f"nodes[0].node_type: {message}"


def program_function() -> rm.Node:
    @rm.node
    def main(value: Any) -> Any:
        return value

    main.fn.__module__, main.fn.__qualname__ = "__main__", "main"
    return main()


def local_function() -> rm.Node:
    @rm.node
    def inner(value: Any) -> Any:
        return value

    return inner()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            lambda: rm.node(lambda value: value)(),
            "the Python function '<lambda>.<locals>.<lambda>' can't be saved as text: "
            "a lambda has no name to import it by; give it one with def, in a module",
        ),
        (
            local_function,
            "the Python function 'local_function.<locals>.inner' can't be saved as text: "
            "it is defined inside a function; move it to the top level of a module",
        ),
        (
            program_function,
            "the Python function 'main' can't be saved as text: "
            "it is in the program that runs; move it to a module of its own",
        ),
    ],
)
def test_what_cannot_be_imported_cannot_be_saved(node: Any, message: str) -> None:
    pipeline = rm.Pipeline() >> node()
    for save in (pipeline.to_dict, pipeline.to_json, pipeline.to_yaml, pipeline.serialize):
        with pytest.raises(rm.ManifestError) as caught:
            save()
        assert str(caught.value).startswith(message)
    assert pipeline.run_sync([1]) == [1]


def test_pipelines_with_functions_pickle() -> None:
    pipeline = rm.Pipeline("p") >> scale(by=2) >> choosy
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert pickle.loads(pickle.dumps(scale)) is scale


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (len, "@node takes a function or a class, not <built-in function len>"),
        (lambda: None, "<lambda> takes no value; write def <lambda>(value, ...)"),
        (
            lambda x, db: None,
            "<lambda> has the argument 'db' behind its value, and calls have one value: if it is a param, give it a "
            "default or put it behind a star, def <lambda>(x, *, db)",
        ),
        (
            lambda x, *rest: None,
            "<lambda> has *rest, and a param has a name and is checked; write each of them out, such as db=0.0",
        ),
        (
            lambda x, **rest: None,
            "<lambda> has **rest, and a param has a name and is checked; write each of them out, such as db=0.0",
        ),
        (
            lambda x, db=0.0, /: None,
            "<lambda> has the argument 'db' before the slash, and params are given by name; put it behind the slash",
        ),
        (lambda x, *, name: None, "<lambda> has the param 'name', which is the id of a node; call it otherwise"),
        (
            lambda x, *, on_error: None,
            "<lambda> has the param 'on_error', which is what an error of a node means; call it otherwise",
        ),
    ],
)
def test_what_cannot_be_a_node(function: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(function)
    assert str(caught.value) == message


def test_a_class_whose_params_were_checked_is_collected() -> None:
    @rm.node
    class Child:
        def __init__(self, *, parent: Any = None, level: int = 0) -> None:
            pass

        def process(self, value: int) -> int:
            return value

    Child.fn.__init__.__annotations__["parent"] = Child.fn
    assert rm.execute_sync(chain(("a", Child, {"level": 1})), [1]) == [1]
    with pytest.raises(rm.ManifestError, match="expected an integer, got the text"):
        rm.execute_sync(chain(("a", Child, {"level": "1"})), [1])
    gone = weakref.ref(Child.fn)
    del Child
    # The standard library keeps the unions that it made last, and Python 3.10 makes one of a default that is None.
    for forget in typing._cleanups:
        forget()
    assert eventually(lambda: gone() is None)
