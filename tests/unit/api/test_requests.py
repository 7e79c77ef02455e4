"""What every route does with requests that are not right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from primehub_services.api import codings
from primehub_services.api.handler import DRAINED, MAX_BODY, STRANGERS_BODY
from primehub_services.api.wire import MAX_DEPTH
from tests.support.api import PREFIX, Api, problem

People = dict[str, httpx.AsyncClient]


async def test_a_request_without_a_token_is_asked_for_one(people: People) -> None:
    answer = await people["nobody"].get("/me")
    assert answer.status_code == 401
    assert problem(answer)["code"] == "unauthenticated"
    assert "Bearer" in answer.headers["WWW-Authenticate"]


async def test_an_unknown_path_and_an_unknown_method_are_told_apart(people: People) -> None:
    assert problem(await people["member"].get("/nothing"))["status"] == 404
    answer = await people["member"].post("/me")
    assert problem(answer)["status"] == 405
    assert answer.headers["Allow"] == "GET, PATCH"


async def test_a_method_that_no_route_has_is_a_problem_too(people: People) -> None:
    assert problem(await people["member"].request("TRACE", "/me"))["status"] == 405


async def test_the_request_id_of_the_caller_is_kept_unless_it_is_nonsense(people: People) -> None:
    kept = await people["member"].get("/me", headers={"X-Request-Id": "my-id.1"})
    assert kept.headers["X-Request-Id"] == "my-id.1"
    made = await people["member"].get("/me", headers={"X-Request-Id": "a b<c>"})
    assert len(made.headers["X-Request-Id"]) == 32


async def test_a_long_answer_comes_compressed_to_who_takes_that_and_means_the_same(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codings, "WORTH", 1)
    packed = await people["member"].get("/groups", headers={"Accept-Encoding": "br, gzip"})
    plain = await people["member"].get("/groups", headers={"Accept-Encoding": "br"})
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()


async def test_a_short_answer_is_sent_as_it_is(people: People) -> None:
    assert "Content-Encoding" not in (await people["member"].get("/groups?search=nobody-has-it")).headers


async def test_an_unknown_query_parameter_is_named(people: People) -> None:
    body = problem(await people["member"].get("/groups?pagesize=3"))
    assert body["status"] == 422
    assert body["errors"][0]["field"] == "pagesize"
    assert "parameter" in body["errors"][0]["message"]


async def test_a_query_parameter_on_a_route_that_has_none_is_named(people: People) -> None:
    assert problem(await people["member"].get("/me?x=1"))["errors"][0]["field"] == "x"


async def test_a_query_parameter_given_twice_is_named(people: People) -> None:
    assert problem(await people["member"].get("/groups?page=1&page=2"))["errors"][0]["field"] == "page"


@pytest.mark.parametrize("query", ["a%00b=1", "a%00b=1&a%00b=2", "a%00b=%00"])
@pytest.mark.parametrize("path", ["/groups", "/me"])
async def test_a_query_parameter_whose_name_no_text_can_hold_is_named_all_the_same(
    people: People, path: str, query: str
) -> None:
    body = problem(await people["member"].get(f"{path}?{query}"))
    assert (body["status"], body["errors"][0]["field"]) == (422, "a\\0b")


async def test_a_field_of_the_body_whose_name_no_text_can_hold_is_refused(people: People) -> None:
    for sent in ('{"a\\u0000b": 1}', '{"a\\u0000b": 1, "a\\u0000b": 2}'):
        answer = await people["member"].patch("/me", content=sent, headers={"Content-Type": "application/json"})
        assert problem(answer)["status"] == 422
        assert problem(answer)["errors"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x", ""])
async def test_a_wrong_query_value_is_named_with_its_fix(people: People, value: str) -> None:
    error = problem(await people["member"].get("/groups", params={"page": value}))["errors"][0]
    assert error["field"] == "page"
    assert error["fix"]


async def test_an_unknown_field_of_a_body_is_named(people: People) -> None:
    answer = await people["platform_admin"].post("/groups", json={"name": "g", "quota": 3})
    error = problem(answer)["errors"][0]
    assert (answer.status_code, error["field"]) == (422, "quota")
    assert "no such field" in error["message"]


async def test_a_nested_field_is_named_by_its_path(people: People) -> None:
    body = {"name": "g", "user_quota": {"cpu": -1}}
    assert problem(await people["platform_admin"].post("/groups", json=body))["errors"][0]["field"] == "user_quota.cpu"


SIZE = {"name": "s", "cpu_limit": 1, "memory_limit": "1Gi"}
GIT = {"name": "v", "source": {"type": "git"}}
LAUNCH = {"group": "alpha", "instance_type": "small", "image": "base"}
MUCH = {f"V{n}": "x" * 32_000 for n in range(3)}
"""Each allowed, and together more than every list of jobs could have."""
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("/groups", {"name": "a b"}, "name"),
    ("/groups", {"name": ""}, "name"),
    ("/groups", {"name": "g", "user_quota": {"cpu": -1}}, "user_quota.cpu"),
    ("/groups", {"name": "g", "user_quota": {"cpu": 0.0005}}, "user_quota.cpu"),
    ("/groups", {"name": "g", "user_quota": {"memory": "much"}}, "user_quota.memory"),
    ("/groups", {"name": "g", "user_quota": {"gpu": 0.5}}, "user_quota.gpu"),
    ("/groups", {"name": "g", "user_quota": {"cpu": 2}, "group_quota": {"cpu": 1}}, "user_quota.cpu"),
    ("/instance-types", {**SIZE, "cpu_limit": 0}, "cpu_limit"),
    ("/instance-types", {**SIZE, "memory_request": "2Gi"}, "memory_request"),
    ("/instance-types", {**SIZE, "gpu_resource": "!! bad"}, "gpu_resource"),
    ("/instance-types", {**SIZE, "tolerations": [{"key": "a"}]}, "tolerations.0.value"),
    ("/users", {"name": "Ann Lee"}, "name"),
    ("/secrets", {"name": "s", "kind": "pull", "value": "x", "registry": "r.example.org"}, "username"),
    ("/volumes", {"name": "v", "source": {"type": "env", "variables": {"a b": "x"}}}, "source.variables.a b"),
    ("/volumes", {**GIT, "source": {"type": "git", "url": "https://ghp_abc@example.org/r"}}, "source.url"),
    ("/volumes", {**GIT, "source": {"type": "git", "url": "https://example.org/r?private_token=abc"}}, "source.url"),
    ("/volumes", {**GIT, "source": {"type": "git", "url": "git://example.org/r"}}, "source.url"),
    ("/notebooks", {**LAUNCH, "environment": {"1A": "x"}}, "environment.1A"),
    ("/notebooks", {**LAUNCH, "environment": {"JUPYTERHUB_API_TOKEN": "x"}}, "environment.JUPYTERHUB_API_TOKEN"),
    ("/notebooks", {**LAUNCH, "group": "nothing"}, "group"),
    ("/notebooks", {**LAUNCH, "environment": MUCH}, "environment"),
    ("/jobs", {**LAUNCH, "command": ""}, "command"),
    ("/jobs", {**LAUNCH, "command": "\N{GREEK SMALL LETTER ALPHA}" * 65_000}, "command"),
    ("/jobs", {**LAUNCH, "command": "true", "environment": MUCH}, "environment"),
    (
        "/schedules",
        {"name": "n", "cron": "0 4 * * *", "job": {**LAUNCH, "command": "true", "environment": MUCH}},
        "job.environment",
    ),
]


@pytest.mark.parametrize(("path", "body", "field"), WRONG, ids=[f"{path[1:]}-{field}" for path, _, field in WRONG])
async def test_a_wrong_field_is_refused_with_its_name_and_the_fix(
    people: People, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await people["platform_admin"].post(path, json=body)
    found = {error["field"]: error for error in problem(answer)["errors"]}
    assert field in found, (answer.status_code, answer.text)
    assert found[field]["message"]
    assert found[field]["fix"]


async def test_a_change_that_does_not_fit_what_is_there_is_refused_with_field_and_fix(people: People) -> None:
    admin = people["platform_admin"]
    made = (await admin.post("/instance-types", json=SIZE)).json()
    change = {"version": made["version"], "cpu_request": 2}
    (error,) = problem(await admin.patch(f"/instance-types/{made['slug']}", json=change))["errors"]
    assert error["field"] == "cpu_request"
    assert error["fix"] == "Lower it, or raise cpu_limit."


async def test_what_a_cluster_calls_its_gpus_can_be_corrected(people: People) -> None:
    admin = people["platform_admin"]
    made = (await admin.post("/instance-types", json=SIZE)).json()
    change = {"version": made["version"], "gpu_resource": "amd.com/gpu"}
    changed = await admin.patch(f"/instance-types/{made['slug']}", json=change)
    assert changed.json()["gpu_resource"] == "amd.com/gpu"


async def test_the_tag_of_a_union_is_no_part_of_a_fields_path(people: People) -> None:
    body = {"name": "v", "source": {"type": "git", "url": "nothing"}}
    assert problem(await people["platform_admin"].post("/volumes", json=body))["errors"][0]["field"] == "source.url"


async def test_numbers_are_not_taken_from_text(people: People) -> None:
    body = {"name": "g", "shared_volume_capacity": "5"}
    error = problem(await people["platform_admin"].post("/groups", json=body))["errors"][0]
    assert error["field"] == "shared_volume_capacity"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b'{"name": NaN}', "NaN"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "nested"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(people: People, content: bytes, said: str) -> None:
    answer = await people["platform_admin"].post(
        "/groups", content=content, headers={"Content-Type": "application/json"}
    )
    body = problem(answer)
    assert (answer.status_code, body["code"]) == (400, "malformed")
    assert said in body["detail"]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 5_000, 20_000, 100_000])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
async def test_a_body_that_is_nested_too_deeply_is_refused_at_any_depth(
    people: People, opened: bytes, closed: bytes, depth: int
) -> None:
    content = opened * depth + b"1" + closed * depth
    answer = await people["member"].patch("/me", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem(answer)["code"]) == (400, "malformed")


async def test_a_body_that_is_nested_as_deeply_as_may_be_is_looked_at(people: People) -> None:
    content = b"[" * MAX_DEPTH + b'"\\u0000"' + b"]" * MAX_DEPTH
    answer = await people["member"].patch("/me", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["field"] == ".".join(["0"] * MAX_DEPTH)


@pytest.mark.parametrize("content", [rb'{"name":"a\u0000b"}', rb'{"name":"\ud800"}', b'{"name":"a","name":"b"}'])
async def test_text_that_no_database_can_keep_is_named(people: People, content: bytes) -> None:
    answer = await people["platform_admin"].post(
        "/groups", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["field"] == "name"


async def test_a_number_beyond_any_column_is_named(people: People) -> None:
    answer = await people["platform_admin"].patch("/groups/research", json={"version": 10**30})
    assert problem(answer)["errors"][0]["field"] == "version"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
)
async def test_a_body_of_another_type_is_refused(people: People, kind: str) -> None:
    answer = await people["platform_admin"].post("/groups", content=b"{}", headers={"Content-Type": kind})
    assert problem(answer)["status"] == 415


async def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(people: People, api: Api) -> None:
    token = people["platform_admin"].headers["Authorization"]
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {PREFIX}api/v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {10**12}\r\n\r\n".encode()
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.close()
    assert b" 413 " in head.splitlines()[0]
    assert b"application/problem+json" in head
    assert b"connection: close" in head.lower()


BODIES = {
    "none": b"\r\n",
    "short": b"Content-Length: 5\r\n\r\nhello",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", ["groups", "nowhere", "version?x=1"])
async def test_a_connection_goes_on_after_a_refusal(api: Api, path: str, body: str) -> None:
    # the hub's proxy keeps its connections to us for the next request, whoever makes it
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    method = "GET" if body == "none" else "POST"
    for _ in range(3):
        writer.write(f"{method} {PREFIX}api/v1/{path} HTTP/1.1\r\nHost: x\r\n".encode() + BODIES[body])
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).lower()
        assert b"connection: close" not in head
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))
    writer.close()


async def test_who_is_refused_is_told_so_however_long_the_body_goes_on(api: Api) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PREFIX}api/v1/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    writer.write(b"10001\r\n" + b"x" * 0x10001 + b"\r\n")
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).lower()
    writer.close()
    assert b" 401 " in head.splitlines()[0]
    assert b"connection: close" in head


async def test_a_chunked_body_that_grows_too_large_is_refused(people: People) -> None:
    async def chunks() -> object:
        for _ in range(MAX_BODY // 65536 + 2):
            yield b" " * 65536

    answer = await people["platform_admin"].post(
        "/groups", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert problem(answer)["status"] == 413


async def test_of_many_wrong_fields_the_first_are_named(people: People) -> None:
    body = {"name": "n", "description": ["\0"] * 1000}
    answer = await people["platform_admin"].post("/groups", json=body)
    assert [error["field"] for error in problem(answer)["errors"]] == [f"description.{n}" for n in range(20)]


async def test_of_somebody_unknown_no_large_body_is_read(people: People) -> None:
    body = b'{"client": [' + b'"\\u0000",' * (STRANGERS_BODY // 9) + b'"x"]}'
    answer = await people["nobody"].post("/login-requests", content=body, headers={"Content-Type": "application/json"})
    assert problem(answer)["status"] == 413
    assert f"{STRANGERS_BODY // 1024} KiB" in problem(answer)["detail"]


async def test_somebody_unknown_is_refused_before_the_body_is_looked_at(people: People) -> None:
    answer = await people["nobody"].post("/groups", content=b"{", headers={"Content-Type": "text/plain"})
    assert problem(answer)["status"] == 401


@pytest.mark.parametrize("name", ["%00", "%ff", "a" * 400, "%2e%2e%2fetc"])
async def test_a_path_that_can_name_nothing_is_not_found(people: People, name: str) -> None:
    assert problem(await people["platform_admin"].get(f"/groups/{name}"))["status"] == 404


async def test_a_name_with_a_slash_or_another_script_is_one_part_of_the_path(people: People) -> None:
    made = await people["platform_admin"].post("/groups", json={"name": "データ"})
    assert made.status_code == 201
    assert (await people["platform_admin"].get("/groups/データ")).json()["id"] == made.json()["id"]


async def test_a_mistake_of_ours_says_nothing_of_its_insides(
    people: People, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError("the secret is hunter2")

    api.context.capacity = broken  # type: ignore[assignment]
    answer = await people["member"].get("/groups/research/launch-options")
    body = problem(answer)
    assert (answer.status_code, body["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert body["request_id"] in caplog.text
    assert "the secret is hunter2" in caplog.text


async def test_a_mistake_of_ours_is_in_the_log_where_a_body_is_on_its_way_too(
    people: People, api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_handler: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(api.context.authenticator, "identify", broken)

    async def pieces() -> AsyncIterator[bytes]:
        yield b" " * (DRAINED + 1)

    answer = await people["member"].post("/groups", content=pieces(), headers={"Content-Type": "application/json"})
    body = problem(answer)
    assert (answer.status_code, body["code"]) == (500, "internal")
    assert body["request_id"] in caplog.text
    assert "a mistake" in caplog.text


async def test_secrets_of_a_refused_body_are_not_repeated(people: People) -> None:
    body = {"name": "s", "kind": "env", "value": {"my": "hunter2"}}
    answer = await people["member"].post("/secrets", json=body)
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


async def test_answers_are_never_kept_by_caches_nor_framed(people: People) -> None:
    headers = (await people["member"].get("/me")).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers


async def test_a_stale_version_answers_409_with_what_is_there_now(people: People) -> None:
    admin = people["platform_admin"]
    version = (await admin.get("/groups/research")).json()["version"]
    first = await admin.patch("/groups/research", json={"version": version, "description": "one"})
    assert first.status_code == 200
    second = await admin.patch("/groups/research", json={"version": version, "description": "two"})
    body = problem(second)
    assert (second.status_code, body["current"]["description"]) == (409, "one")


async def test_the_document_is_served_as_it_is_printed(people: People) -> None:
    from primehub_services.api.openapi import document

    assert (await people["nobody"].get("/openapi.json")).json() == json.loads(json.dumps(document()))
