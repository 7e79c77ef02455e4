"""One notebook from standard input to HTML on standard output: ``python -m primehub_services.previews.render``.

Whatever is read was written by somebody who may mean ill: it is read only once nothing is left to gain here.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from .. import limited

NOT_A_NOTEBOOK = 3
_LANGUAGES = (
    "json",
    "yaml",
    "sql",
    "julia",
    "scala",
    "java",
    "cpp",
    "rust",
    "js",
    "ts",
    "html",
    "css",
    "tex",
    "go",
    "toml",
)
_WARM_UP = "```python\nx = 1\n```\n\n```r\nx <- 1\n```\n\n```bash\nls\n```\n\n$x$ <b>x</b>"


def main() -> int:
    """Returns the exit status."""
    limited.restrict()
    exporter = _exporter()
    limited.give_up_rights()
    return _render(exporter)


def _exporter() -> Any:
    """Everything loaded, by rendering something harmless: afterwards our own files may be out of reach."""
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="")
    warm = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(_WARM_UP),
            nbformat.v4.new_code_cell(
                "%time\nx",
                outputs=[nbformat.v4.new_output("error", ename="E", evalue="e", traceback=["\x1b[31mE\x1b[0m"])],
            ),
        ],
        metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}},
    )
    exporter.from_notebook_node(warm)
    _load_lexers()
    return exporter


def _load_lexers() -> None:
    """Those of the usual languages; code in another one is shown without colours where it cannot be loaded later."""
    from pygments import lexers
    from pygments.util import ClassNotFound

    known = lexers.get_lexer_by_name
    for language in _LANGUAGES:
        known(language)

    def found(name: str, **options: Any) -> Any:
        try:
            return known(name, **options)
        except (ImportError, OSError) as error:
            raise ClassNotFound(name) from error

    lexers.get_lexer_by_name = found


def _render(exporter: Any) -> int:
    import nbformat

    data = sys.stdin.buffer.read()
    try:
        notebook = nbformat.reads(data.decode(), as_version=4)
        page, _ = exporter.from_notebook_node(notebook)
    except (MemoryError, RecursionError):
        return 1
    except Exception:
        return NOT_A_NOTEBOOK
    sys.stdout.buffer.write(page.encode(errors="replace"))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    with contextlib.redirect_stderr(None):
        sys.exit(main())
