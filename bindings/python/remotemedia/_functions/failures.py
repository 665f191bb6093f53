"""What Python functions raise: where in a call that was, and how a message says it, bounded and always text.

Exceptions have code of their own: `__str__`, `__eq__` of a dataclass, properties, a metaclass. Only their messages are
asked for here, and what that raises is caught; all else is read as Python itself does, past such code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .places_in_time import Place
    from .spec import HostFunction

LONGEST = 2000
"""How many characters of an exception's message are told. The exception itself has them all."""

CHAIN = 16
"""How many exceptions behind one are told."""

ENDS_PROGRAM: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit)
"""What a function ends the program with, on a thread of the program. On a serving thread, which is all that it would
end there, it is an error of the function like any other exception."""


class Failure(Exception):
    """An exception of a Python function: with which entry of the call, in which function of the chain, in which method,
    and the place of the value that this function had got.

    It stands for the exception while that is on its way: as it is, one that was raised on a thread might end the
    generator that it passes through, or the event loop.
    """

    def __init__(
        self, error: BaseException, entry: int = 0, node: int = 0, method: str = "", place: Place | None = None
    ) -> None:
        super().__init__()
        self.error = error
        self.entry = entry
        self.node = node
        self.method = method
        self.place = place

    @property
    def message(self) -> str:
        """The exception as a message has it, with the method of a class unless that is `process`."""
        text = text_of(self.error)
        if issubclass(type(self.error), (ValueError, TypeError)) and "read-only" in text:
            text += "; arrays are shared: with @node(inplace=True) the function gets a copy that it may write to"
        return f"in {self.method}: {text}" if self.method else text

    @property
    def ends_run(self) -> bool:
        """Whether `on_error` can do nothing about it: a class that can't be made ready is ready for no value."""
        return self.method in ("__init__", "initialize")

    @property
    def chain(self) -> list[str]:
        """The exceptions behind it as a message has them, nearest first."""
        return [text_of(error) for error in _behind(self.error)]


class Cursor:
    """Where a call stands: with which of its entries, in which function of the chain, in which method of a class."""

    __slots__ = ("entry", "method", "node", "place", "raises")

    def __init__(self, raises: tuple[type[BaseException], ...] = ENDS_PROGRAM) -> None:
        self.raises = raises
        """The exceptions of functions on this thread that are raised, and are no failures."""
        self.entry = 0
        self.node = 0
        self.method = ""
        self.place: Place | None = None
        """The place of what the function at work got, or the last one for the value that it gave."""

    def at(self, node: int, function: HostFunction, place: Place | None = None) -> None:
        """Notes which function is at work, and the place of what it got."""
        self.node = node
        self.method = function.method
        self.place = place

    def failure(self, error: BaseException) -> Failure:
        """The failure that an exception is which came up here, without frames of this package in its traceback."""
        return Failure(without_our_frames(cause_of(error)), self.entry, self.node, self.method, self.place)


def cause_of(error: BaseException) -> BaseException:
    """The exception of a function that a `Failure` stands for; any other one is it itself."""
    return error.error if type(error) is Failure else error


def text_of(error: BaseException) -> str:
    """`ValueError: negative gain`; the type alone if there is no message."""
    name, message = _name(error), _message(error)
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}... ({len(message) - LONGEST} more characters)"
    return f"{name}: {message}" if message else name


def repr_of(error: BaseException) -> str:
    """`ValueError('negative gain')`, for the log; what `text_of` returns if its own `__repr__` raises."""
    try:
        return _plain(repr(error))
    except BaseException:
        return text_of(error)


def without_our_frames(error: BaseException) -> BaseException:
    """The exception, with a traceback that begins in the function."""
    trace = _traceback(error)
    while trace is not None and trace.tb_next is not None and _is_ours(trace.tb_frame.f_globals):
        trace = trace.tb_next
    return BaseException.with_traceback(error, trace)


_kept: Any = vars(BaseException)
# These read what Python keeps of an exception, whatever its class or metaclass has under the same names.
_traceback, _cause, _context, _suppresses_context = (
    _kept[name].__get__ for name in ("__traceback__", "__cause__", "__context__", "__suppress_context__")
)
_name_of_type: Any = vars(type)["__name__"].__get__


def _behind(error: BaseException) -> list[BaseException]:
    chain = [error]
    while len(chain) <= CHAIN:
        current: BaseException | None = _cause(chain[-1])
        if current is None and not _suppresses_context(chain[-1]):
            current = _context(chain[-1])
        if current is None or any(current is each for each in chain):
            break
        chain.append(current)
    return chain[1:]


def _is_ours(names: dict[str, Any]) -> bool:
    name = dict.get(names, "__name__")
    return type(name) is str and name.partition(".")[0] == __name__.partition(".")[0]


def _name(error: BaseException) -> str:
    return _plain(_name_of_type(type(error)))


def _message(error: BaseException) -> str:
    try:
        return _plain(str(error))
    except BaseException as broken:
        return f"its message can't be made: {_name(broken)}"


def _plain(text: str) -> str:
    """The text as a `str` itself, without code of a subclass, and of characters alone."""
    return str.encode(text, "utf-8", "replace").decode("utf-8")
