"""`configure` and the environment variables: what they set, and when they may be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import remotemedia as rm
from remotemedia._abi import config

START = (
    "import asyncio, os, time, remotemedia as rm\n"
    "PASS = {'version': 'v1', 'nodes': [{'id': 'p', 'node_type': 'PassThrough'}]}\n"
    "def run():\n"
    "    try: return rm.execute_sync(PASS, [[[1]]])\n"
    "    except rm.Error as error: return f'{type(error).__name__}: {error}'\n"
)


def printed(code: str, **variables: str) -> list[str]:
    """What a process prints that begins with `START`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REMOTEMEDIA_")}
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**environment, **variables},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_limits_and_workers_reach_the_runtime() -> None:
    code = (
        "rm.configure(workers=3)\n"
        "rm.configure(limits={'output_bytes': 10_000})\n"
        "print(rm.execute_sync(PASS, [bytes(5_000)])[0] == bytes(5_000))\n"
        "try: rm.execute_sync({'version': 'v1', 'nodes': [{'id': 'p', 'node_type': lambda x: x}]}, [bytes(20_000)])\n"
        "except rm.LimitExceededError as error: print(error)\n"
        # What decodes never works on the thread that waits for it.
        "decode = {'version': 'v1', 'nodes': [{'id': 'p', 'node_type': 'AudioDecode'}]}\n"
        "try: rm.execute_sync(decode, [b'no sound'] * 3)\n"
        "except rm.NodeError: pass\n"
        "def workers():\n"
        "    names = [open(f'/proc/self/task/{task}/comm').read().strip() for task in os.listdir('/proc/self/task')]\n"
        "    return sorted(name for name in names if name[:12] == 'remotemedia-' and name[12:].isdigit())\n"
        # Threads take their names when they get to run.
        "end = time.monotonic() + 60\n"
        "while len(workers()) < 3 and time.monotonic() < end: os.sched_yield()\n"
        "print(*workers())\n"
    )
    assert printed(code) == [
        "True",
        "node 'p' (python:__main__:<lambda>): the results grew past the limit of 10000 bytes. "
        "Reduce them in the graph, or raise limits.output_bytes of the runtime.",
        "remotemedia-0 remotemedia-1 remotemedia-2",
    ]


def test_documents_as_deep_as_may_be_cost_little_stack() -> None:
    code = (
        "import threading\n"
        "rm.configure(limits={'depth': 512})\n"
        "deep = None\n"
        # The list of inputs is one more, and so is the completion that has them.
        "for _ in range(500): deep = [deep]\n"
        "def cross():\n"
        "    value, depth = rm.execute_sync(PASS, [deep])[0], 0\n"
        "    while value is not None: value, depth = value[0], depth + 1\n"
        "    print(depth)\n"
        "threading.stack_size(512 << 10)\n"
        "thread = threading.Thread(target=cross)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    assert printed(code) == ["500"]


NICE = (
    # The nice value is the 17th entry after the name, which is in brackets: proc_pid_stat(5).
    "def nice_of(task):\n"
    "    return int(open(f'/proc/self/task/{task}/stat').read().rpartition(') ')[2].split()[16])\n"
    "def name_of(task):\n"
    "    return open(f'/proc/self/task/{task}/comm').read().strip()\n"
    "def threads():\n"
    "    return {name_of(task): nice_of(task) for task in os.listdir('/proc/self/task')}\n"
    "before = nice_of(os.getpid())\n"
)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no nice value of their own")
@pytest.mark.parametrize(
    ("configured", "variables", "steps"),
    [
        ("", {}, 0),
        ("rm.configure(nice=7)\n", {"REMOTEMEDIA_NICE": "19"}, 7),
        ("", {"REMOTEMEDIA_NICE": "10"}, 10),
        ("rm.configure(nice=0)\n", {"REMOTEMEDIA_NICE": "10"}, 0),
    ],
)
def test_workers_step_back_and_no_other_thread_does(configured: str, variables: dict[str, str], steps: int) -> None:
    code = (
        "rm.configure(workers=1)\n"
        # A file is read within calls that may block, so that a spare thread is kept ready.
        "decode = {'version': 'v1', 'nodes': [{'id': 'p', 'node_type': 'AudioDecode'}]}\n"
        "rm.execute_sync(decode, [rm.File(os.environ['SPEECH'])])\n"
        # A deadline starts the timer, unless the run has ended by then: this one waits for the loop that sets it.
        "async def same(value): return value\n"
        "waits = {'version': 'v1', 'nodes': [{'id': 'p', 'node_type': same}]}\n"
        "asyncio.run(rm.execute(waits, [1], timeout=60))\n"
        "workers = {'remotemedia-0', 'remotemedia-1'}\n"
        # The system keeps 15 characters of a name.
        "wanted = {**dict.fromkeys(workers, min(before + STEPS, 19)), 'remotemedia-tim': before}\n"
        # Threads take their names, and then their nice values, when they get to run.
        "end = time.monotonic() + 60\n"
        "while not wanted.items() <= (found := threads()).items() and time.monotonic() < end: os.sched_yield()\n"
        "print({name: found[name] for name in wanted.keys() & found.keys()} == wanted)\n"
        "print({found[name] for name in found.keys() - workers} == {before}, nice_of(os.getpid()) == before)\n"
    )
    speech = str(Path(__file__).parents[3] / "examples" / "speech.flac")
    lines = printed(NICE + configured + f"STEPS = {steps}\n" + code, SPEECH=speech, **variables)
    assert lines == ["True", "True True"]


@pytest.mark.parametrize(
    ("configured", "variables", "most"),
    [
        ("", {}, 32),
        ("rm.configure(function_threads=40)\n", {"REMOTEMEDIA_FUNCTION_THREADS": "3"}, 40),
        ("", {"REMOTEMEDIA_FUNCTION_THREADS": "3"}, 3),
    ],
)
def test_so_many_functions_run_at_the_same_time(configured: str, variables: dict[str, str], most: int) -> None:
    code = (
        "import threading\n"
        f"meet, at_work, most = threading.Barrier({most}, timeout=60), [], [0]\n"
        "def function(value):\n"
        "    at_work.append(value)\n"
        "    most[0] = max(most[0], len(at_work))\n"
        "    meet.wait()\n"
        "    at_work.remove(value)\n"
        "    meet.wait()\n"
        "    return value\n"
        "async def main():\n"
        "    pipeline = rm.Pipeline.load({'version': 'v1', 'nodes': [{'id': 'f', 'node_type': function}]})\n"
        f"    return len(await asyncio.gather(*(pipeline.run([value]) for value in range({2 * most}))))\n"
        "print(asyncio.run(main()), most[0])\n"
    )
    assert printed(configured + code, **variables) == [f"{2 * most} {most}"]


def test_what_the_runtime_refuses_may_be_configured_again() -> None:
    code = (
        "from remotemedia._abi import config\n"
        # Python knows no system on which the library refuses what it accepts itself; so this goes past its check.
        "config._chosen['nice'] = 20\n"
        "print(run())\n"
        "rm.configure(nice=0, workers=1)\n"
        "print(run())\n"
    )
    refused = "InvalidArgumentError: config: nice: expected 0 to 19, got 20"
    assert printed(code) == [refused, "[[[1]]]"]


def test_the_environment_is_read_and_configure_goes_before_it() -> None:
    deep, shallow = "print(run())\n", "rm.configure(limits={'depth': 9})\nprint(run())\n"
    (refused,) = printed(deep, REMOTEMEDIA_LIMIT_DEPTH="1")
    assert refused.startswith("MarshalError: ")
    assert printed(shallow, REMOTEMEDIA_LIMIT_DEPTH="1", REMOTEMEDIA_WORKERS=" 2 ") == ["[[[1]]]"]


def test_under_limits_that_no_reply_fits_work_ends() -> None:
    code = (
        "def f(value): return value\n"
        "try: (rm.Pipeline() >> rm.Node(f)).run_sync([1])\n"
        "except rm.ExecutionError as error: print(error, type(error.__cause__).__name__, sep='\\n')\n"
    )
    message = (
        "python:__main__:f: no reply can be made of what it gave: MarshalError: value.error: lists and maps have more "
        'than 3 entries in all; send long series of numbers as a tensor, or raise the limit "items"'
    )
    assert printed(code, REMOTEMEDIA_LIMIT_ITEMS="3") == [message, "MarshalError"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "REMOTEMEDIA_WORKERS",
            "two",
            "REMOTEMEDIA_WORKERS must be a whole number from 1 to 1024, got 'two'",
        ),
        (
            "REMOTEMEDIA_NICE",
            "-5",
            "REMOTEMEDIA_NICE must be a whole number from 0 to 19, got '-5'",
        ),
        (
            "REMOTEMEDIA_FUNCTION_THREADS",
            "many",
            "REMOTEMEDIA_FUNCTION_THREADS must be a whole number from 1 to 1024, got 'many'",
        ),
        (
            "REMOTEMEDIA_WORKER",
            "2",
            "there is no environment variable REMOTEMEDIA_WORKER; did you mean REMOTEMEDIA_WORKERS?",
        ),
        (
            "REMOTEMEDIA_LIMIT_X",
            "2",
            "there is no environment variable REMOTEMEDIA_LIMIT_X; there are "
            "REMOTEMEDIA_LIMIT_OUTPUT_BYTES, REMOTEMEDIA_LIMIT_DEPTH, REMOTEMEDIA_LIMIT_ITEMS, "
            "REMOTEMEDIA_LIMIT_DOCUMENT_BYTES, REMOTEMEDIA_LIMIT_BUFFERS, REMOTEMEDIA_LIMIT_EXTENT_BYTES",
        ),
    ],
)
def test_wrong_variables_are_told_when_the_runtime_starts(variable: str, value: str, message: str) -> None:
    code = "print(run())\nos.environ.pop(next(n for n in os.environ if n.startswith('REMOTEMEDIA_')))\nprint(run())\n"
    assert printed(code, **{variable: value}) == [f"InvalidArgumentError: {message}", "[[[1]]]"]


def test_variables_of_others_are_left_alone() -> None:
    assert printed("print(run())\n", REMOTEMEDIA_REPEAT="x") == ["[[[1]]]"]


def test_after_the_start_it_is_too_late() -> None:
    code = (
        "rm.configure(workers=1)\n"
        "run()\n"
        "rm.configure(workers=1)\n"
        "for change in ({'workers': 2}, {'nice': 3}, {'function_threads': 3}, {'limits': {'depth': 3}}):\n"
        "    try: rm.configure(**change)\n"
        "    except RuntimeError as error: print(error)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    rm.configure(workers=2)\n"
        "    os._exit(0 if run() == [[[1]]] else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    late = "the runtime has started with workers=1; call remotemedia.configure before anything runs"
    assert printed(code) == [late, late, late, late, "0"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"workers": 0}, "workers must be a whole number from 1 to 1024, got 0"),
        ({"workers": 1025}, "workers must be a whole number from 1 to 1024, got 1025"),
        ({"workers": True}, "workers must be a whole number from 1 to 1024, got True"),
        ({"workers": 2.0}, "workers must be a whole number from 1 to 1024, got 2.0"),
        ({"nice": -1}, "nice must be a whole number from 0 to 19, got -1"),
        ({"nice": 20}, "nice must be a whole number from 0 to 19, got 20"),
        ({"nice": False}, "nice must be a whole number from 0 to 19, got False"),
        ({"nice": "7"}, "nice must be a whole number from 0 to 19, got '7'"),
        ({"function_threads": 0}, "function_threads must be a whole number from 1 to 1024, got 0"),
        ({"function_threads": 1025}, "function_threads must be a whole number from 1 to 1024, got 1025"),
        ({"limits": {"dept": 3}}, "there is no limit 'dept'; did you mean depth?"),
        (
            {"limits": {"x": 3}},
            "there is no limit 'x'; there are output_bytes, depth, items, document_bytes, buffers, extent_bytes",
        ),
        (
            {"limits": {"depth": "3"}},
            "limits['depth'] must be a whole number from 1 to 9223372036854775807, got '3'",
        ),
        ({"limits": 3}, "limits must be a dict such as {'depth': 64}, got 3"),
    ],
)
def test_what_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.configure(**change)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_native_library_knows_every_limit_and_no_more_workers() -> None:
    from remotemedia._abi.library import check, ffi, lib

    def made(config: bytes) -> None:
        out, error = ffi.new("rm_runtime **"), ffi.new("rm_error **")
        check(lib.rm_runtime_new(config, len(config), out, error), error)
        lib.rm_runtime_free(out[0])

    limits = ", ".join(f'"{name}": 9' for name in config.LIMITS)
    made(b'{"workers": %d, "limits": {%s}}' % (config.MOST_WORKERS, limits.encode()))
    if sys.platform == "linux":
        made(b'{"nice": %d}' % config.MOST_NICE)
    with pytest.raises(rm.InvalidArgumentError, match="expected 0 to 19, got 20"):
        made(b'{"nice": %d}' % (config.MOST_NICE + 1))
    with pytest.raises(rm.InvalidArgumentError, match="expected 1 to 1024, got 1025"):
        made(b'{"workers": %d}' % (config.MOST_WORKERS + 1))
