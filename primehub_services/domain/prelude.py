"""What a workload's shell does before it becomes the workload: links in the home folder, profiles. Lines of sh. Pure.

The same on one machine and in a pod. It runs as the workload, so that a link planted in a home folder leads to nothing
that the workload could not reach anyway.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

PROFILE_S = 10
"""Seconds that a profile has."""
EITHER_SHELL = (
    "/bin/sh",
    "-c",
    'if command -v bash >/dev/null 2>&1; then exec bash -c "$0" "$@"; fi; exec /bin/sh -c "$0" "$@"',
)
"""Runs the script that comes next: in bash where the image has it, as people write their profiles for it."""
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\Z")
_KEPT = "PRIMEHUB_VARIABLE_"
_PROFILES = """\
set_by_profile="${{TMPDIR:-/tmp}}/.primehub-profile"
within=
command -v timeout >/dev/null && within="timeout -k 1 {seconds}"
for profile in {profiles}; do
  [ -f "$profile" ] || continue
  rm -f "$set_by_profile"
  $within {shell} -c '. "$1"; export -p >"$2"' profile "$profile" "$set_by_profile" </dev/null
  code=$?
  if [ -s "$set_by_profile" ]; then
    . "$set_by_profile"
  elif [ "$code" = 124 ]; then
    echo "primehub: $profile took longer than {seconds} s; going on without it" >&2
  else
    echo "primehub: $profile ended with code $code; going on without what it sets" >&2
  fi
  rm -f "$set_by_profile"
done
unset set_by_profile within profile code"""
"""Takes over the variables that profiles export. Each runs in a shell of its own, so that none can end the start."""


def link_lines(links: Iterable[tuple[str, str]]) -> list[str]:
    """Makes the links, given with their targets, and drops those beside them that lead nowhere any more."""
    links = tuple(links)
    folders = sorted({path.rsplit("/", 1)[0] for path, _ in links})
    roots = sorted({target.rsplit("/", 1)[0] for _, target in links})
    lines = []
    for folder in folders:
        lines.append(f"mkdir -p {shlex.quote(folder)} 2>/dev/null")
        lines.append(f"for link in {shlex.quote(folder)}/*; do")
        lines.append('  [ -L "$link" ] && [ ! -e "$link" ] || continue')
        patterns = "|".join(f"{shlex.quote(root)}/*" for root in roots)
        lines.append(f'  case "$(readlink "$link")" in {patterns}) rm -f "$link" 2>/dev/null;; esac')
        lines.append("done")
    for path, target in links:
        path, target = shlex.quote(path), shlex.quote(target)
        lines.append(f"[ -L {path} ] && rm -f {path} 2>/dev/null")
        lines.append(f"[ -e {path} ] || ln -s {target} {path} 2>/dev/null")
    return lines


def profile_lines(profiles: Sequence[str], shell: str) -> list[str]:
    """Takes over what the profiles that are there export; ``shell`` runs them."""
    if not profiles:
        return []
    return [_PROFILES.format(profiles=" ".join(map(shlex.quote, profiles)), shell=shell, seconds=PROFILE_S)]


def for_shells(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables as every shell passes them on, and by their names there those that it would drop (dash drops any
    with ``-`` or ``.`` in it)."""
    odd = {f"{_KEPT}{n}": name for n, name in enumerate(sorted(n for n in environment if not _PLAIN.match(n)))}
    plain = {name: value for name, value in environment.items() if _PLAIN.match(name)}
    return plain | {kept: environment[name] for kept, name in odd.items()}, odd


def start_script(
    links: Iterable[tuple[str, str]], profiles: Sequence[str], *, cwd: str, odd: Mapping[str, str] | None = None
) -> str:
    """The script that a pod's container begins with: ``[*EITHER_SHELL, script, "primehub", program, ...]``.

    ``odd`` is what ``for_shells`` says of the variables.
    """
    # what root makes is for the group of the folder, too: its people also start as somebody else, and others share it
    lines = ['[ "$(id -u 2>/dev/null)" != 0 ] || umask 002']
    lines += [f"cd {shlex.quote(cwd)} 2>/dev/null || cd /", *link_lines(links)]
    lines += profile_lines(profiles, '"${BASH:-/bin/sh}"')
    named = [f'{shlex.quote(f"{name}=")}"${kept}"' for kept, name in (odd or {}).items()]
    unset = [f"-u {kept}" for kept in odd or ()]
    become = ["exec", *(["env", *unset, *named] if named else []), '"$@"']
    return "\n".join([*lines, " ".join(become), ""])
