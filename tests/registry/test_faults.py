"""Faults of registries, and what each leads to; the numbers are those of the table in the documentation.

Rows about credentials stand in `test_fault_credentials`, about copying in `test_copying`.
"""

from __future__ import annotations

import itertools
import zlib

import httpx
import pytest

from hashtag.apply import apply
from hashtag.errors import (
    AccessDenied,
    HashtagError,
    RegistryError,
    RegistryUnreachable,
    StalePlan,
    TagOccupied,
    UntrustedAnswer,
)
from hashtag.oci.manifest import DOCKER_LIST, OCI_INDEX
from hashtag.planning.change import AddTag
from hashtag.registry.retry import Retries
from registry.faults import (
    BASE,
    CHALLENGE,
    MANIFEST,
    NOW,
    OTHER,
    REPOSITORY,
    TAG,
    TOKENS,
    URL,
    client,
    error,
    good,
    index_of,
    manifest_of,
    token,
)
from servers.scripted import Clock, Reply, Script


def head(*answers: Reply | Exception) -> Script:
    return Script().on("HEAD", URL, *answers)


def get(*answers: Reply | Exception) -> Script:
    return Script().on("GET", URL, *answers)


# ── 1–4: missing, denied, too many ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reply", [error(404, "MANIFEST_UNKNOWN"), Reply(404)], ids=["JSON", "empty"])
def test_01_a_404_means_missing(reply):
    assert client(head(reply)).resolve(TAG) is None


def test_02_a_401_after_a_token_is_no_access_or_no_such_repository_and_never_missing():
    script = head(Reply(401, b"", CHALLENGE)).on("GET", TOKENS, token())

    with pytest.raises(AccessDenied, match="missing or no permission") as caught:
        client(script).resolve(TAG)

    assert caught.value.status == 3
    assert script.log.count(f"HEAD {URL}") == 2


def test_03_a_403_names_the_scope_and_where_the_login_came_from():
    script = Script().on("PUT", URL, Reply(401, b"", {"WWW-Authenticate": "Basic"}), error(403, "DENIED"))

    with pytest.raises(AccessDenied) as caught:
        client(script, creds="bob:SECRET").put_manifest(MANIFEST, TAG)

    assert caught.value.status == 3
    assert caught.value.where == "registry.example/group/app"
    assert caught.value.hint == "the login 'bob' came from creds; it needs pull,push on this repository"


def test_04_a_403_for_a_secondary_rate_limit_is_asked_again_as_a_429():
    clock = Clock()
    script = head(good())
    script.on("GET", URL, error(403, "DENIED", "secondary rate limit", Retry_After="2"), good())

    assert client(script, clock).manifest(TAG) == MANIFEST
    assert clock.waits == [2.0]


# ── 5–9: temporary failures ──────────────────────────────────────────────────────────────────────


def test_05_a_429_is_waited_for_at_least_as_long_as_it_says_and_stays_a_head():
    clock = Clock()
    script = head(Reply(429, headers={"Retry-After": "1"}), good())

    assert client(script, clock).resolve(TAG)
    assert clock.waits[0] >= 1
    assert script.log == [f"HEAD {URL}"] * 2


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        pytest.param("Wed, 21 Oct 2015 07:28:07 GMT", 7.0, id="a date is honoured"),
        pytest.param("Wed, 21 Oct 2015 07:00:00 GMT", 0.5, id="a date gone by leads to our own wait"),
        pytest.param("soon", 0.5, id="garbage leads to our own wait"),
    ],
)
def test_06_retry_after_in_any_form(value, wait):
    clock = Clock()

    assert client(head(Reply(429, headers={"Retry-After": value}), good()), clock).resolve(TAG)
    assert clock.waits == [wait]


def test_06_a_wait_beyond_the_budget_ends_at_once_and_is_named():
    clock = Clock()

    with pytest.raises(RegistryUnreachable, match="86400 s") as caught:
        client(head(Reply(429, headers={"Retry-After": "86400"})), clock).resolve(TAG)

    assert (caught.value.status, clock.waits) == (4, [])


def test_07_a_429_of_the_token_server_is_waited_for_too():
    clock = Clock()
    script = head(Reply(401, b"", CHALLENGE), good())
    script.on("GET", TOKENS, Reply(429, headers={"Retry-After": "3"}), token())

    assert client(script, clock).resolve(TAG)
    assert clock.waits == [3.0]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_08_two_failures_and_then_an_answer_are_told_to_the_log(status, caplog):
    with caplog.at_level("DEBUG", logger="hashtag.registry"):
        assert client(head(Reply(status), Reply(status), good())).resolve(TAG)

    assert [message.partition(";")[0] for message in caplog.messages] == [f"registry.example: {status}"] * 2


def test_09_failures_for_ever_end_within_the_budget_and_nothing_is_written():
    clock = Clock()
    script = head(Reply(503))

    with pytest.raises(RegistryUnreachable) as caught:
        apply([AddTag(MANIFEST.digest, TAG)], client(script, clock))

    assert (caught.value.status, clock.elapsed <= 30) == (4, True)
    assert {line.split()[0] for line in script.log} == {"HEAD"}


# ── 10–17: answers that say too little, too much, or something else ──────────────────────────────


@pytest.mark.parametrize("status", [405, 501])
def test_10_a_head_that_is_not_offered_becomes_a_get(status):
    assert client(head(Reply(status)).on("GET", URL, good())).resolve(TAG) == MANIFEST.descriptor


@pytest.mark.parametrize("status", [429, 503])
def test_10_a_head_that_fails_for_a_time_never_becomes_a_get(status):
    script = head(Reply(status))

    with pytest.raises(RegistryUnreachable):
        client(script).resolve(TAG)

    assert {line.split()[0] for line in script.log} == {"HEAD"}


def test_11_a_head_without_a_digest_becomes_a_get_that_is_hashed():
    bare = good(Docker_Content_Digest=None)

    assert client(head(bare).on("GET", URL, bare)).resolve(TAG) == MANIFEST.descriptor


@pytest.mark.parametrize("text", ["sha256:ABC", "../../x", f"sha256:{'0' * 64} "[:71] + "x"])
def test_12_a_malformed_digest_of_a_head_is_an_error(text):
    with pytest.raises(RegistryError, match="malformed") as caught:
        client(head(good(Docker_Content_Digest=text))).resolve(TAG)

    assert caught.value.status == 1


def test_13_bytes_that_are_not_the_digests_are_an_error_and_nothing_is_written():
    lying = good(Docker_Content_Digest=str(OTHER))
    script = Script().on("HEAD", URL, Reply(404)).on("GET", f"{BASE}/manifests/{OTHER}", lying)

    with pytest.raises(RegistryError, match="as they should") as caught:
        apply([AddTag(OTHER, TAG)], client(script))

    assert caught.value.status == 1
    assert not [line for line in script.log if line.startswith("PUT")]


def test_14_a_login_page_is_not_a_registrys_answer():
    page = Reply(200, b"<html>log in", {"Content-Type": "text/html"})

    with pytest.raises(RegistryUnreachable, match="not a registry's answer") as caught:
        client(get(page).on("GET", "https://registry.example/v2/", page)).manifest(TAG)

    assert caught.value.status == 4


def test_15_a_body_cut_short_is_asked_for_again_and_then_unreachable():
    cut = httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    assert client(get(cut, good())).manifest(TAG) == MANIFEST
    with pytest.raises(RegistryUnreachable) as caught:
        client(get(cut)).manifest(TAG)
    assert caught.value.status == 4


def test_16_a_manifest_over_4_mib_is_not_read_to_its_end():
    read = itertools.count()
    endless = Reply(200, (b"x" * 65536 for _ in read), {"Content-Type": OCI_INDEX})

    with pytest.raises(RegistryError, match="larger than 4194304 bytes") as caught:
        client(get(endless)).manifest(TAG)

    assert caught.value.status == 1
    assert next(read) < 80


def test_17_a_compressed_answer_is_refused_before_it_is_unpacked():
    bomb = Reply(200, zlib.compress(b"\0" * 1_000_000), {"Content-Encoding": "gzip"})

    with pytest.raises(RegistryError, match="compressed"):
        client(get(bomb)).manifest(TAG)


# ── 18–27: manifests ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    [b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":' * 100_000],
    ids=["cut", "a key twice", "not a number", "too deep"],
)
def test_18_a_manifest_that_is_no_json_is_an_error_without_a_traceback(content):
    with pytest.raises(RegistryError, match="not valid JSON") as caught:
        client(get(good(manifest_of(content)))).manifest(TAG)

    assert caught.value.status == 1


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        pytest.param(manifest_of({"mediaType": OCI_INDEX}), "but mediaType", id="19 two media types"),
        pytest.param(manifest_of({"manifests": [], "layers": []}), "at once", id="20 index and image"),
        pytest.param(manifest_of({"schemaVersion": 1}), "schema 1", id="21 schema 1"),
    ],
)
def test_19_to_21_a_manifest_of_two_minds_or_of_old_is_refused(manifest, words):
    with pytest.raises(RegistryError, match=words) as caught:
        client(get(good(manifest))).manifest(TAG)

    assert caught.value.status == 1


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(manifest_of({"schemaVersion": 2}), id="22 no media type inside"),
        pytest.param(manifest_of({"artifactType": "a/b", "x": [1]}), id="23 an unknown artifact"),
    ],
)
def test_22_and_23_bytes_are_aliased_as_they_are(manifest):
    digest = manifest.digest
    script = Script().on("HEAD", URL, Reply(404), good(manifest)).on("PUT", URL, Reply(201))
    script.on("GET", f"{BASE}/manifests/{digest}", good(manifest))

    apply([AddTag(digest, TAG)], client(script))

    [put] = [request for request in script.requests if request.method == "PUT"]
    assert put.content == manifest.content


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_24_all_four_media_types_are_named_and_no_wildcard(method):
    script = Script().on(method, URL, good())
    client(script).resolve(TAG) if method == "HEAD" else client(script).manifest(TAG)

    accepted = script.requests[0].headers["accept"].split(", ")
    assert len(accepted) == 4
    assert "*/*" not in accepted


def test_25_a_child_given_for_a_list_is_noticed_by_its_digest():
    index = index_of(MANIFEST)
    script = Script().on("GET", f"{BASE}/manifests/{index.digest}", good(MANIFEST))

    with pytest.raises(RegistryError, match="as they should"):
        client(script).manifest(REPOSITORY.at(index.digest))


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_25_a_head_by_digest_answered_for_a_child_is_an_error(media_type):
    script = Script().on("HEAD", f"{BASE}/manifests/{OTHER}", good(MANIFEST))

    with pytest.raises(RegistryError, match="answered for"):
        client(script).resolve(REPOSITORY.at(OTHER))


# ── 28–35: writing ───────────────────────────────────────────────────────────────────────────────


def aliasing(*heads: Reply, put: Reply | Exception) -> Script:
    script = Script().on("HEAD", URL, *heads).on("PUT", URL, put)
    return script.on("GET", f"{BASE}/manifests/{MANIFEST.digest}", good())


def alias(script: Script) -> None:
    apply([AddTag(MANIFEST.digest, TAG)], client(script))


def test_28_a_tag_that_holds_something_else_after_a_201_is_an_error():
    with pytest.raises(RegistryError, match=r"does not hold .* after it was written"):
        alias(aliasing(Reply(404), good(manifest_of({"x": 1})), put=Reply(201)))


def test_29_a_put_answered_with_another_digest_is_an_error():
    answer = Reply(201, headers={"Docker-Content-Digest": str(OTHER)})

    with pytest.raises(RegistryError, match=f"stored {OTHER}") as caught:
        alias(aliasing(Reply(404), put=answer))

    assert caught.value.status == 1


def test_30_a_put_whose_reply_was_lost_is_looked_up_and_not_repeated():
    script = aliasing(Reply(404), good(), put=httpx.ReadError("reset"))
    alias(script)

    assert sum(line.startswith("PUT") for line in script.log) == 1


def test_31_content_that_vanished_is_missing_and_not_asked_again():
    script = aliasing(Reply(404), put=error(400, "MANIFEST_BLOB_UNKNOWN"))

    with pytest.raises(StalePlan, match="vanished") as caught:
        alias(script)

    assert (caught.value.status, caught.value.hint) == (5, "build it again: hashtag run")
    assert sum(line.startswith("PUT") for line in script.log) == 1


@pytest.mark.parametrize("status", [400, 405, 409, 412])
def test_32_and_34_an_immutable_tag_with_the_same_digest_is_a_success(status):
    # 400 ImageAlreadyExistsException is what ECR says.
    alias(aliasing(Reply(404), good(), put=error(status, "ImageAlreadyExistsException")))


@pytest.mark.parametrize("status", [400, 405, 409, 412])
def test_33_an_immutable_tag_with_another_digest_is_refused_and_both_are_named(status):
    other = manifest_of({"x": 1})

    with pytest.raises(TagOccupied) as caught:
        alias(aliasing(good(other), put=error(status)))

    assert caught.value.status == 5
    assert str(other.digest) in str(caught.value)
    assert str(MANIFEST.digest) in str(caught.value)


def test_35_a_manifest_too_large_for_a_registry_is_an_error_with_its_size_and_its_words():
    with pytest.raises(RegistryError, match="413: SIZE_INVALID at most 1 MB") as caught:
        alias(aliasing(Reply(404), put=error(413, "SIZE_INVALID", "at most 1 MB")))

    assert caught.value.status == 1
    assert f"a manifest of {len(MANIFEST.content)} bytes is too large" in str(caught.value)


# ── 49–52: tags ──────────────────────────────────────────────────────────────────────────────────

_TAGS = f"{BASE}/tags/list"


def page(*tags: object, link: str = "") -> Reply:
    import json

    return Reply(200, json.dumps({"tags": list(tags)}).encode(), {"Link": link} if link else {})


@pytest.mark.parametrize("link", ["<?last=a>; rel=next", f'<{_TAGS}?last=a>; rel="next"'])
def test_49_pages_are_followed_relative_and_absolute(link):
    script = Script().on("GET", f"{_TAGS}?last=a", page("b")).on("GET", _TAGS, page("a", link=link))

    assert list(client(script).tags(REPOSITORY)) == ["a", "b"]


def test_49_pages_that_lead_in_a_circle_are_an_error():
    with pytest.raises(RegistryError, match="no end"):
        list(client(Script().on("GET", _TAGS, page("a", link="<?last=a>; rel=next"))).tags(REPOSITORY))


@pytest.mark.parametrize("reply", [error(404), error(403), Reply(200, b"x")])
def test_50_a_later_page_that_fails_fails_the_whole_list(reply):
    script = Script().on("GET", f"{_TAGS}?last=b", reply)
    script.on("GET", f"{_TAGS}?last=a", page("b", link="<?last=b>; rel=next"))
    script.on("GET", _TAGS, page("a", link="<?last=a>; rel=next"))

    with pytest.raises(HashtagError):
        list(client(script).tags(REPOSITORY))


def test_51_no_tags_tags_twice_and_names_that_are_none_are_tolerated():
    assert list(client(Script().on("GET", _TAGS, Reply(200, b'{"tags": null}'))).tags(REPOSITORY)) == []
    odd = page("a", "a", "../x", None, "b")
    assert list(client(Script().on("GET", _TAGS, odd)).tags(REPOSITORY)) == ["a", "b"]


def test_51_a_million_tags_are_a_list():
    script = Script().on("GET", _TAGS, page(*(f"t{number}" for number in range(1_000_000))))

    assert sum(1 for _ in client(script).tags(REPOSITORY)) == 1_000_000


def test_51_a_listed_tag_that_answers_404_is_missing_and_no_error():
    script = Script().on("GET", _TAGS, page("1")).on("HEAD", URL, Reply(404))
    asked = client(script)

    assert [asked.resolve(REPOSITORY.tagged(tag)) for tag in asked.tags(REPOSITORY)] == [None]


# ── warnings, concurrency, secrets ───────────────────────────────────────────────────────────────


def test_a_warning_is_told_once_without_control_characters():
    warned: list[str] = []
    text = '299 - "old \\"tag\\"\x1b[31m", 299 - "second", 199 - "not ours", 299 - "second"'
    asked = client(head(good(Warning=text)), warned=warned)
    asked.resolve(TAG)
    asked.resolve(TAG)

    assert warned == ['registry.example: old "tag" [31m', "registry.example: second"]


def test_warnings_beyond_4096_bytes_and_beyond_a_hundred_are_not_told():
    warned: list[str] = []
    asked = client(head(*(good(Warning=f'299 - "{n}"') for n in range(150))), warned=warned)
    for _ in range(150):
        asked.resolve(TAG)
    long = client(head(good(Warning='299 - "' + "x" * 5000 + '"')), warned=warned)
    long.resolve(TAG)

    assert len(warned) == 100


def test_too_many_requests_halve_what_a_host_is_asked_at_once():
    asked = client(head(Reply(429), Reply(429), good()))
    asked.resolve(TAG)

    assert asked.in_flight("registry.example") == 4
    assert asked.in_flight("other.example") == 16


def test_good_answers_let_it_be_asked_more_again():
    asked = client(head(Reply(429), good()))
    for _ in range(64):
        asked.resolve(TAG)

    assert asked.in_flight("registry.example") == 10


@pytest.mark.parametrize(
    "echo", ["Ym9iOlNFQ1JFVA==", "SECRET", "U0VDUkVU"], ids=["as sent", "plain", "base64"]
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 503])
def test_no_secret_that_a_server_repeats_stands_in_an_error(echo, status):
    challenge = Reply(401, b"", {"WWW-Authenticate": "Basic"})
    script = Script().on("PUT", URL, challenge, error(status, "X", f"you sent {echo}"))
    script.on("HEAD", URL, error(status, "X", f"you sent {echo}"))

    with pytest.raises(HashtagError) as caught:
        client(script, creds="bob:SECRET").put_manifest(MANIFEST, TAG)

    assert echo not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"


def test_a_token_that_a_server_repeats_stands_in_no_error():
    script = get(Reply(401, b"", CHALLENGE), error(400, "X", "bad token TOPSECRET"))
    script.on("GET", TOKENS, token(token="TOPSECRET"))

    with pytest.raises(RegistryError) as caught:
        client(script).manifest(TAG)

    assert "TOPSECRET" not in str(caught.value)


def test_the_budget_is_not_used_up_by_bytes_that_moved():
    clock = Clock()
    retries = Retries(sleep=clock.sleep, clock=clock, now=lambda: NOW, jitter=lambda: 0.0)
    attempts: list[int] = []

    def transfer(attempt: int) -> str:
        from hashtag.registry.retry import Temporary

        attempts.append(attempt)
        clock.elapsed += 300  # five minutes of an upload
        if attempt < 3:
            raise Temporary("reset")
        return "done"

    assert retries.call("registry.example", transfer) == "done"
    assert attempts == [0, 1, 2, 3]


def test_43_redirects_without_end_or_to_plain_http_are_refused():
    for target in (URL, "http://registry.example/x"):
        with pytest.raises(UntrustedAnswer) as caught:
            client(get(Reply(307, headers={"Location": target}))).manifest(TAG)
        assert caught.value.status == 5
