"""Prints the manual pages into DIRECTORY: what they tell of commands and keys comes from the command and the file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from smtpeter.cli import main

HERE = Path(__file__).parent
CONFIGURATION = HERE.parent.parent / "etc/smtpeter.toml"


def escaped(text: str) -> str:
    """As roff shows it unchanged, each line for itself."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in plain.splitlines())


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Each command with its arguments, options and first sentence."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
            continue
        yield f".TP\n.B {escaped(' '.join((*words, name)))}"
        yield escaped(" ".join(_parameter(one) for one in command.params))
        yield f".br\n{escaped((command.help or '').splitlines()[0])}"


def _parameter(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(main))
    return f"[{'|'.join((*parameter.opts, *parameter.secondary_opts))}]"


def pages() -> dict[str, str]:
    """Each page's text by its file name."""
    assert isinstance(main, click.Group)
    texts = {page.name: page.read_text("utf-8") for page in HERE.glob("*.[15]")}
    listed = "\n".join(line for line in commands(main) if line)
    texts["smtpeter.1"] = texts["smtpeter.1"].replace("@COMMANDS@", listed)
    file = escaped(CONFIGURATION.read_text("utf-8"))
    texts["smtpeter.toml.5"] = texts["smtpeter.toml.5"].replace("@FILE@", file)
    return texts


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, "utf-8")
