"""Which published tables the SQL of a program names, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from sqlglot import tokenize
from sqlglot.tokens import TokenType

from orchestration.project import PUBLISHED_SCHEMAS

ROOT = Path(__file__).parent.parent


def tables_read(*code: Path) -> set[str]:
    """The tables of the published schemas that SQL names in these files and folders, or in what they import.

    SQL is found in the strings of modules and of YAML; what stands in comments, docstrings or SQL's own
    strings is none.
    """
    files = {file for path in code for file in ([path] if path.is_file() else path.rglob("*"))}
    texts = [(module, text) for module in _modules(files) for text in _constants(module)]
    for file in files:
        if file.suffix in (".yaml", ".yml"):
            texts += [(file, text) for text in _strings(yaml.safe_load(file.read_text()))]
    return {table for file, text in texts for table in _tables(text, file)}


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _strings(value)


def _modules(files: set[Path]) -> set[Path]:
    """The modules among the files, and those of the project that they import, however far away."""
    found: set[Path] = set()
    wanted = {file for file in files if file.suffix == ".py"}
    while wanted:
        found |= wanted
        wanted = {imported for module in wanted for imported in _imported(module)} - found
    return found


def _imported(module: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(module.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            if path.is_file():
                yield path


def _constants(module: Path) -> Iterator[str]:
    """A module's strings; the fields of a formatted one are left as they would be filled in."""
    tree = ast.parse(module.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""  # a docstring
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _tables(text: str, file: Path) -> Iterator[str]:
    if not any(f"{schema}." in text for schema in PUBLISHED_SCHEMAS):
        return
    tokens = tokenize(text, dialect="duckdb")
    for at, token in enumerate(tokens):
        if token.token_type is TokenType.VAR and token.text in PUBLISHED_SCHEMAS:
            named = [following.text for following in tokens[at + 1 : at + 3]]
            assert len(named) == 2, f"{file}: which table of {token.text} it reads is not seen: {text}"
            dot, table = named
            if dot == ".":
                yield table
