"""`remotemedia completion`: scripts for bash, zsh and fish, made from the parsers, which know it all."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from . import DONE
from .arguments.parser import CommandLine

BASH = """\
# Completion of remotemedia for bash. In ~/.bashrc:  source <(remotemedia completion bash)
_remotemedia() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} option= options= rest= words= index
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W "{commands} --help --version" -- "$word"))
        return
    fi
    for (( index = COMP_CWORD - 1; index > 1; index-- )); do
        if [[ ${{COMP_WORDS[index]}} == -* ]]; then
            option=${{COMP_WORDS[index]}}
            break
        fi
    done
    local next=$(( index == COMP_CWORD - 1 ))
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    case "$word" in
        -*) COMPREPLY=($(compgen -W "$options" -- "$word")); return ;;
    esac
    case "$rest" in
        files)
            local IFS=$'\\n'
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$word")) ;;
        manifests)
            local IFS=$'\\n'
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -d -- "$word"; compgen -f -- "$word" | grep -E '\\.(yaml|yml|json)$')) ;;
        nodes)
            words=$(remotemedia nodes 2>/dev/null | while read -r name _; do echo "$name"; done)
            COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
        words) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    esac
}}
complete -F _remotemedia remotemedia
"""

ZSH = """\
#compdef remotemedia
# Completion of remotemedia for zsh. In ~/.zshrc, after compinit:  source <(remotemedia completion zsh)
_remotemedia() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case "$command" in
{cases}
    esac
}}
_remotemedia_nodes() {{
    local -a types
    types=("${{(@f)$(remotemedia nodes 2>/dev/null | sed 's/:/\\\\:/g; s/  */:/')}}")
    _describe 'node type' types
}}
compdef _remotemedia remotemedia
"""

FISH = """\
# Completion of remotemedia for fish:  remotemedia completion fish > ~/.config/fish/completions/remotemedia.fish
complete -c remotemedia -f
{lines}
"""


class Argument(NamedTuple):
    """An option, or an argument by its place if it has no names. `takes` is what stands there.

    That is "" for nothing, "value" for what no shell can know, "files", "manifests", "nodes", or words to choose from.
    """

    names: list[str]
    summary: str
    takes: str
    several: bool


def command(chosen: argparse.Namespace) -> int:
    """Prints the script."""
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[chosen.shell](CommandLine()), end="")
    return DONE


def _arguments(line: CommandLine, name: str) -> list[Argument]:
    return [
        Argument(
            list(action.option_strings), (action.help or "").partition(". ")[0], _takes(action), action.nargs == "+"
        )
        for action in line.commands[name].arguments
    ]


def _takes(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices:
        return " ".join(map(str, action.choices))
    by_name = {"manifest": "manifests", "name": "nodes"}
    files = ("input", "output", "failures", "index", "files")
    return by_name.get(action.dest, "files" if action.dest in files else "value")


def _bash(line: CommandLine) -> str:
    def fill(takes: str) -> str:
        if takes in ("files", "manifests", "nodes"):
            return f"rest={takes}"
        return "rest=" if takes in ("", "value") else f"rest=words words='{takes}'"

    cases = []
    for name in line.commands:
        arguments = _arguments(line, name)
        cases.append(f"        {name})")
        cases.append(f"            options='{' '.join(each for argument in arguments for each in argument.names)}'")
        cases += [f"            {fill(argument.takes)}" for argument in arguments if not argument.names]
        taking = [argument for argument in arguments if argument.names and argument.takes]
        if taking:
            cases.append('            case "$option" in')
            for argument in taking:
                # An option with several values goes on until the next option.
                condition = "" if argument.several else "(( next )) && "
                cases.append(f"                {'|'.join(argument.names)}) {condition}{fill(argument.takes)} ;;")
            cases.append("            esac")
        cases.append("            ;;")
    return BASH.format(commands=" ".join(line.commands), cases="\n".join(cases))


def _zsh(line: CommandLine) -> str:
    actions = {
        "files": "_files",
        "manifests": '_files -g "*.(yaml|yml|json)"',
        "nodes": "_remotemedia_nodes",
        "value": " ",
    }

    def spec(argument: Argument) -> str:
        action = actions.get(argument.takes, f"({argument.takes})")
        if not argument.names:
            place = "*" if argument.several else "1"
            return _quoted(f"{place}:{argument.takes.removesuffix('s')}:{action}")
        summary = argument.summary.replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
        value = f":{'*-*:' if argument.several else ''}{argument.takes}:{action}" if argument.takes else ""
        names = argument.names[0] if len(argument.names) == 1 else f"{{{','.join(argument.names)}}}"
        return f"{_quoted('*') if argument.takes else ''}{names}{_quoted(f'[{summary}]{value}')}"

    cases = []
    for name in line.commands:
        specs = " \\\n                ".join(map(spec, _arguments(line, name)))
        cases.append(f"        {name})\n            _arguments \\\n                {specs} ;;")
    commands = "\n".join(f"        {_quoted(f'{name}:{summary}')}" for name, summary in line.summaries.items())
    return ZSH.format(commands=commands, cases="\n".join(cases))


def _fish(line: CommandLine) -> str:
    manifests = "; ".join(f"__fish_complete_suffix {ending}" for ending in (".yaml", ".yml", ".json"))
    sources = {
        "files": "-F",
        "manifests": f"-k -a '({manifests})'",
        "nodes": "-a '(remotemedia nodes 2>/dev/null | string replace -r \" +\" \\t)'",
        "value": "-x",
    }
    lines = [
        f"complete -c remotemedia -n __fish_use_subcommand -a {name} -d {_quoted(summary)}"
        for name, summary in line.summaries.items()
    ]
    for name in line.commands:
        for argument in _arguments(line, name):
            parts = [f"complete -c remotemedia -n '__fish_seen_subcommand_from {name}'"]
            for each in argument.names:
                parts.append(f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}")
            if argument.takes:
                # Behind an option with choices there are no files.
                only = "-x " if argument.names else ""
                parts.append(sources.get(argument.takes, f"{only}-a {_quoted(argument.takes)}"))
            if argument.names and argument.takes == "files":
                parts.append("-r")
            parts += [f"-d {_quoted(argument.summary)}"] if argument.names else []
            lines.append(" ".join(parts))
    return FISH.format(lines="\n".join(lines))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
