"""What of a file a page can show, made from bytes that nobody vouches for."""

from .content import MAX_NOTEBOOK, preview
from .notebook import NotebookRenderer, RenderFailed

__all__ = ["MAX_NOTEBOOK", "NotebookRenderer", "RenderFailed", "preview"]
