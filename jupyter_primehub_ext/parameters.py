"""What can be set in a notebook: the assignments in its cell tagged ``parameters``."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import Any

_TYPES = {"str": "str", "int": "int", "float": "float", "bool": "bool", "list": "list", "dict": "dict", "None": "none"}
_LITERALS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "str"),
    (list, "list"),
    (tuple, "list"),
    (dict, "dict"),
)
_MAGIC = re.compile(r"^\s*[%!?]")
_NO_CELL = "No cell of this notebook has the tag parameters. What is given is set in a cell before all others."


def infer(notebook: Any) -> dict[str, Any]:
    """The parameters of a notebook, as the endpoint ``parameters`` answers."""
    language = _language(notebook)
    answer: dict[str, Any] = {"language": language, "supported": True, "message": "", "parameters": []}
    if language not in ("python", "ipython"):
        answer.update(
            supported=False, message=f"What a notebook in {language} takes cannot be read. Give names yourself."
        )
        return answer
    source = _parameters_cell(notebook)
    if source is None:
        answer["message"] = _NO_CELL
        return answer
    try:
        answer["parameters"] = _assignments(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        answer.update(supported=False, message=f"The cell tagged parameters is not Python{where}. Give names yourself.")
    return answer


def _language(notebook: Any) -> str:
    metadata = notebook.get("metadata") or {}
    spec, info = metadata.get("kernelspec") or {}, metadata.get("language_info") or {}
    return str(spec.get("language") or info.get("name") or "python").lower()


def _parameters_cell(notebook: Any) -> str | None:
    for cell in notebook.get("cells", []):
        tags = (cell.get("metadata") or {}).get("tags")
        if cell.get("cell_type") == "code" and isinstance(tags, list) and "parameters" in tags:
            source = cell.get("source", "")
            return source if isinstance(source, str) else "".join(source)
    return None


def _assignments(source: str) -> list[dict[str, Any]]:
    # lines that IPython alone understands keep their number
    lines = ["" if _MAGIC.match(line) else line for line in source.splitlines()]
    text = "\n".join(lines) + "\n"
    comments = _comments(text)
    found: dict[str, dict[str, Any]] = {}
    for statement in ast.parse(text).body:
        annotation: ast.expr | None = None
        target: ast.expr
        value: ast.expr | None
        if isinstance(statement, ast.AnnAssign):
            target, value, annotation = statement.target, statement.value, statement.annotation
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        else:
            continue
        if not isinstance(target, ast.Name) or target.id.startswith("__"):
            continue
        # the last assignment of a name is what holds
        found.pop(target.id, None)
        found[target.id] = {
            "name": target.id,
            **_value(value, annotation),
            "source": "" if value is None else ast.get_source_segment(text, value) or "",
            "help": comments.get(statement.end_lineno or statement.lineno) or _above(comments, lines, statement.lineno),
        }
    return list(found.values())


def _value(value: ast.expr | None, annotation: ast.expr | None) -> dict[str, Any]:
    """Type and default: from the value where it is written out, else from the annotation."""
    declared = _declared(annotation)
    try:
        literal = ast.literal_eval(value) if value is not None else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return {"type": declared or "unknown", "default": None}
    kind = next(
        (name for type_, name in _LITERALS if isinstance(literal, type_)), "none" if literal is None else "unknown"
    )
    if kind == "unknown" or not _is_json(literal):
        return {"type": declared or "unknown", "default": None}
    if declared and (kind == "none" or (declared, kind) == ("float", "int")):
        kind = declared
    return {"type": kind, "default": list(literal) if isinstance(literal, tuple) else literal}


def _declared(annotation: ast.expr | None) -> str:
    """The type that an annotation names: of ``int | None`` and ``Optional[int]`` the ``int``."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return ""
    if isinstance(annotation, ast.Subscript):
        name = _declared(annotation.value)
        inner = annotation.slice
        optional = isinstance(annotation.value, ast.Name) and annotation.value.id == "Optional"
        return _declared(inner) if optional else name
    if isinstance(annotation, ast.BinOp):
        sides = (_declared(annotation.left), _declared(annotation.right))
        return next((side for side in sides if side not in ("", "none")), "")
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return "none"
    return _TYPES.get(annotation.id.lower(), "") if isinstance(annotation, ast.Name) else ""


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(_is_json(item) for item in value)
    if isinstance(value, float):
        return value == value and value not in (float("inf"), float("-inf"))
    return value is None or isinstance(value, str | int | bool)


def _comments(text: str) -> dict[int, str]:
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def _above(comments: dict[int, str], lines: list[str], line: int) -> str:
    """The comment in the lines right above, where those are nothing but comments."""
    words: list[str] = []
    while line > 1 and lines[line - 2].lstrip().startswith("#"):
        line -= 1
        words.insert(0, comments.get(line, ""))
    return " ".join(word for word in words if word)
