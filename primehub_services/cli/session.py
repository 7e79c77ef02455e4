"""What one call of the command works with: flags over environment over file, the client, and how it answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from ..client.base import ApiProblem
    from ..client.person import PersonClient
    from ..domain.problems import Problem

T = TypeVar("T")
FLAGS = ("config", "endpoint", "token", "group", "json")
_META = "primehub.flags"
API_PATH = "/services/primehub/api/v1"

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_NOT_ALLOWED = 4
EXIT_UNREACHABLE = 5
EXIT_NOT_SIGNED_IN = 6
_CODES = {
    EXIT_ERROR: "error",
    EXIT_USAGE: "invalid",
    EXIT_REFUSED: "refused",
    EXIT_NOT_ALLOWED: "not-found",
    EXIT_UNREACHABLE: "unreachable",
    EXIT_NOT_SIGNED_IN: "unauthenticated",
}


def global_options() -> list[click.Parameter]:
    """The options that every command takes, before or after its own name."""

    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value not in (None, False) and parameter.name:
            context.find_root().meta.setdefault(_META, {})[parameter.name.removesuffix("_flag")] = value

    def option(*names: str, **attributes: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=keep, **attributes)

    return [
        option("--config", "config_flag", type=click.Path(path_type=Path), help="File of settings and token."),
        option("--endpoint", "endpoint_flag", help="Address of the platform."),
        option("--token", "token_flag", help="API token; better in PRIMEHUB_API_TOKEN, where `ps` does not show it."),
        option("--group", "group_flag", help="Working group."),
        option("--json", "json_flag", is_flag=True, help="Answer in JSON, on standard output."),
    ]


class PersonCommand(click.Command):
    """A command that talks to the API: takes the global options, and turns problems into messages and exit codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = {name for parameter in self.params for name in parameter.opts}
        self.params += [p for p in global_options() if not own & set(p.opts)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; end with the exit code of the problem, if there is one."""
        from pydantic import ValidationError

        from ..client.base import ApiProblem

        try:
            return super().invoke(ctx)
        except ApiProblem as problem:
            fail(problem, Session.of(ctx))
        except ValidationError as error:  # of a request: what it was made from is no answer, but was given here
            from .invalid import wrong_fields

            stop("\n".join(wrong_fields(error, ctx)), EXIT_USAGE)
        except UnicodeEncodeError:  # its words are not repeated: they may be secrets
            stop("What was given has bytes that are no text in this terminal's encoding.", EXIT_USAGE)


@dataclass
class Session:
    """The resolved settings of this call."""

    file: Path
    endpoint: str
    token: str
    group: str
    as_json: bool
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """The file's content."""

    @classmethod
    def of(cls, context: click.Context) -> Session:
        """The settings: file, then environment, then flags."""
        flags = context.find_root().meta.get(_META, {})
        file = Path(flags.get("config") or default_file())
        kept = read_config(file)
        endpoint = flags.get("endpoint") or os.environ.get("PRIMEHUB_API_ENDPOINT") or kept.get("endpoint") or ""
        group = kept.get("group")
        from_file = group.get("name", "") if isinstance(group, dict) else str(group or "")
        return cls(
            file=file,
            endpoint=endpoint,
            token=flags.get("token") or os.environ.get("PRIMEHUB_API_TOKEN") or _kept_token(kept, endpoint),
            group=flags.get("group") or os.environ.get("PRIMEHUB_GROUP") or from_file,
            as_json=bool(flags.get("json")),
            kept=kept,
        )

    @property
    def api(self) -> str:
        """The API's root. Ends the command where no endpoint is known."""
        if not self.endpoint:
            stop(
                "No platform is known. Give its address: primehub login http://127.0.0.1:8000",
                EXIT_USAGE,
            )
        return api_url(self.endpoint)

    @property
    def site(self) -> str:
        """The platform's address, without path or final slash."""
        parts = urlsplit(self.api)
        return f"{parts.scheme}://{parts.netloc}"

    def client(self, *, anonymous: bool = False) -> PersonClient:
        """A client as this person. Ends the command where nobody is signed in, unless ``anonymous``."""
        import httpx

        from ..client.person import PersonClient

        if not self.token and not anonymous:
            stop("Not signed in. Sign in with: primehub login", EXIT_NOT_SIGNED_IN)
        if not anonymous and not re.fullmatch(r"[!-~]+", self.token):
            stop("This is no token: it has spaces or letters that none has. Copy it again.", EXIT_NOT_SIGNED_IN)
        try:
            return PersonClient(self.api, None if anonymous else self.token, verify=_trusted())
        except httpx.InvalidURL:
            stop(_NO_ADDRESS.format(self.endpoint), EXIT_USAGE)

    def call(self, work: Callable[[PersonClient], Awaitable[T]], *, anonymous: bool = False) -> T:
        """The result of ``work`` with a client that is closed afterwards."""

        async def run() -> T:
            async with self.client(anonymous=anonymous) as client:
                return await work(client)

        return asyncio.run(run())

    def need_group(self) -> str:
        """The working group. Ends the command where none is chosen."""
        if not self.group:
            stop("No group is chosen. Give one with --group, or keep one with: primehub config set-group", EXIT_USAGE)
        return self.group

    def save(self, **values: Any) -> None:
        """Keep values in the file, readable for this user alone; None takes one out. Ends the command where it cannot."""
        kept = {**self.kept, **values}
        self.kept = {key: value for key, value in kept.items() if value is not None}
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(self.kept, file, indent=2)
                file.write("\n")
            temporary.replace(self.file)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            stop(f"{self.file} cannot be written: {error.strerror}. Say another file with --config.")


def default_file() -> Path:
    """Where settings are kept unless another file is said. Ends the command for a user without a home folder."""
    try:
        return Path.home() / ".primehub" / "config.json"
    except RuntimeError:
        stop("You have no home folder here. Say where your settings are with --config FILE.", EXIT_USAGE)


def read_config(file: Path) -> dict[str, Any]:
    """The file's content; empty where there is none, or nothing in it. Ends the command where it is of another form."""
    mend = "Mend it, or delete it and sign in again."
    try:
        content = file.read_bytes()
        kept = json.loads(content) if content.strip() else {}
    except FileNotFoundError:
        return {}
    except OSError as error:
        stop(f"{file} cannot be read: {error.strerror}", EXIT_USAGE)
    except ValueError:
        stop(f"{file} is not JSON. {mend}", EXIT_USAGE)
    if not isinstance(kept, dict):
        stop(f"{file} must hold keys and values. {mend}", EXIT_USAGE)
    for key in ("endpoint", "api-token"):
        if not isinstance(kept.get(key), str | None):
            stop(f"{file}: {key} must be text. {mend}", EXIT_USAGE)
    return kept


def _kept_token(kept: Mapping[str, Any], endpoint: str) -> str:
    """The token of the file, which is for the platform that the file names: no other one is shown it."""
    own = kept.get("endpoint")
    return kept.get("api-token") or "" if not own or api_of(own) == api_of(endpoint) else ""


def _trusted() -> ssl.SSLContext | bool:
    """Whose certificates are taken. Ends the command where the file of PRIMEHUB_CA_FILE holds none."""
    file = os.environ.get("PRIMEHUB_CA_FILE")
    if not file:
        return True
    try:
        where = {"capath" if os.path.isdir(file) else "cafile": file}
        return ssl.create_default_context(**where)  # type: ignore[arg-type]  # each takes a path
    except OSError as error:
        stop(f"{file}, which PRIMEHUB_CA_FILE names, has no certificates: {error.strerror}", EXIT_USAGE)


_NO_ADDRESS = "{!r} is no address. Write it like https://primehub.example.org"


def api_url(endpoint: str) -> str:
    """The API's root of an endpoint as people write it: with or without scheme and path. Ends the command if bad."""
    return api_of(endpoint) or stop(_NO_ADDRESS.format(endpoint), EXIT_USAGE)


def api_of(endpoint: str) -> str:
    """The API's root; empty where the endpoint is no address."""
    text = endpoint if "://" in endpoint else f"http://{endpoint}"
    try:
        parts = urlsplit(text)
        port = parts.port  # looked at only now, as its number is
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", text) or port == 0:
        return ""
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith(API_PATH) else API_PATH}"


def stop(message: str, code: int = EXIT_ERROR) -> NoReturn:
    """Say why on standard error, with ``--json`` also as a document on standard output, and end with the code."""
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().meta.get(_META, {}).get("json"):
        print_problem(message, _CODES[code])
    click.echo(message, err=True)
    raise SystemExit(code)


def json_text(value: Any) -> str:
    """The value as JSON, in letters that standard output can have."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=2)
    return text


def print_problem(detail: str, code: str) -> None:
    """A problem that the API did not word, in the fields of those that it does."""
    click.echo(json_text({"detail": detail, "code": code}))


def exit_code(problem: ApiProblem | Problem) -> int:
    """The exit code that says what kind of problem it was."""
    if problem.status == 0 or problem.status in (502, 503, 504):
        return EXIT_UNREACHABLE
    if problem.code == "refused":
        return EXIT_REFUSED
    if problem.status == 401:
        return EXIT_NOT_SIGNED_IN
    if problem.status in (403, 404):
        return EXIT_NOT_ALLOWED
    return EXIT_USAGE if problem.status in (400, 422) else EXIT_ERROR


def fail(problem: ApiProblem, session: Session) -> NoReturn:
    """Say what went wrong, each wrong field with its fix, and end."""
    code = exit_code(problem)
    if session.as_json:
        if problem.body:
            click.echo(json_text(problem.body))
        else:
            print_problem(problem.detail, problem.code)
    if problem.code == "refused" and isinstance(problem.body.get("decision"), dict):
        from .output import refusal

        refusal(problem.detail, problem.body["decision"])
        raise SystemExit(code)
    for line in _words(problem, session, code):
        click.echo(line, err=True)
    raise SystemExit(code)


def _words(problem: ApiProblem, session: Session, code: int) -> Iterator[str]:
    """What is wrong, once, and what to do."""
    if code == EXIT_NOT_SIGNED_IN and session.token:
        yield f"{session.site} does not accept this token: it is wrong, too old, or revoked."
    elif not all(error.message in problem.detail for error in problem.errors) or not problem.errors:
        yield problem.detail
    for error in problem.errors:
        yield f"{error.field}: {error.message}"
        if error.fix:
            yield f"  {error.fix}"
    if code == EXIT_NOT_SIGNED_IN:
        yield "Sign in with: primehub login"
    if problem.code == "unreachable" or (problem.status in (404, 405) and not problem.body):
        yield "Does the platform run? Is that its address? (primehub config show)"
    if scope := problem.body.get("scope"):
        yield f"Sign in again with it: primehub login{_scope_flags(str(scope))}"


def _scope_flags(lacking: str) -> str:
    from ..domain.permissions import PREFIX

    names = dict.fromkeys(["read", "write", lacking.removeprefix(PREFIX)])
    return "".join(f" --scope {name}" for name in names)


def pass_session(function: Callable[..., T]) -> Callable[..., T]:
    """Give the command its ``Session`` as first argument."""
    import functools

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> T:
        return function(Session.of(click.get_current_context()), *args, **kwargs)

    return wrapper
