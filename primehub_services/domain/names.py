"""Names that people give, and the slugs that paths, labels and claims are made of."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from .wrong import WrongValue

SLUG_MAX = 40
_SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_HUB_NAME = re.compile(r"^[a-z0-9][-a-z0-9_.@]*\Z")


def as_reference(value: str) -> str:
    """A slug or name that somebody refers by, in the form in which names are kept: who types may send another."""
    return unicodedata.normalize("NFC", value)


def check_name(value: str) -> str:
    """A group's, volume's, image's or instance type's name, in Unicode's NFC form.

    Letters and digits of any script, ``-``, ``_`` and ``.``; a letter or digit first and last; 1 to 63 characters.
    Raises ``ValueError`` otherwise.
    """
    name = as_reference(value)
    if not 1 <= len(name) <= 63:
        msg, fix = "must have 1 to 63 characters", "choose another name"
        raise WrongValue(msg, fix)
    # combining marks are part of letters in many scripts (Devanagari vowel signs, say), also of the last one
    letters = [c for c in name if not unicodedata.category(c).startswith("M")]
    if not (name[0].isalnum() and letters[-1].isalnum()):
        msg, fix = "must begin and end with a letter or a digit", "choose for example data-science"
        raise WrongValue(msg, fix)
    if not all(c.isalnum() or c in "-_." for c in letters):
        msg, fix = (
            "may have letters, digits, '-', '_' and '.' only",
            "choose for example data-science; the display name may be anything",
        )
        raise WrongValue(msg, fix)
    return name


def check_hub_name(value: str) -> str:
    """A person's hub name: 1 to 63 of a-z, 0-9, "-", "_", ".", "@". Raises ``ValueError`` otherwise."""
    if len(value) > 63 or not _HUB_NAME.match(value):
        msg = "must have 1 to 63 of a-z, 0-9, '-', '_', '.', '@' and begin with a letter or a digit"
        raise WrongValue(msg, "choose for example the part of the address before '@'")
    return value


def check_display_name(value: str) -> str:
    """A name for reading: any printable characters, at most 100. Raises ``ValueError`` otherwise."""
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > 100:
        msg, fix = "must have at most 100 characters", "shorten it"
        raise WrongValue(msg, fix)
    if not all(c.isprintable() for c in text):
        msg, fix = "must not have control characters", "leave out line ends, tabs and the like"
        raise WrongValue(msg, fix)
    return text


def normalized(hub_name: str) -> str:
    """The form in which two hub names that a person could confuse are the same."""
    return re.sub(r"[-_.]", "-", hub_name.lower())


def is_slug(value: str) -> bool:
    """Whether the value can be used in paths, labels and DNS names as it is."""
    return bool(_SLUG.match(value))


def make_slug(name: str, taken: Callable[[str], bool], *, owner: str = "") -> str:
    """An immutable slug for a name: the name itself where it can be one, else its ASCII letters and a digest.

    ``taken`` answers whether a slug is in use; deleted things keep theirs, so that no folder is ever inherited.
    ``owner`` is the id of the group or person a thing belongs to: its slug always has a digest, made with that id,
    since a plain slug that is refused would tell that another group has a thing of this name.
    """
    if not owner and is_slug(name) and not taken(name):
        return name
    ascii_form = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_form).strip("-")[: SLUG_MAX - 9].strip("-") or "x"
    for attempt in range(1000):
        digest = hashlib.sha256(f"{owner}{name}\0{attempt}".encode()).hexdigest()[:8]
        slug = f"{stem}-{digest}"
        if not taken(slug):
            return slug
    msg = f"no free slug for {name!r}"
    raise RuntimeError(msg)


Name = Annotated[str, AfterValidator(check_name), Field(min_length=1, max_length=63)]
HubName = Annotated[str, AfterValidator(check_hub_name), Field(min_length=1, max_length=63)]
DisplayName = Annotated[str, AfterValidator(check_display_name)]
Description = Annotated[str, Field(max_length=2000)]
