"""The HTTP client against servers that misbehave, each in its own way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from hashtag.errors import (
    AccessDenied,
    ManifestMissing,
    RegistryError,
    RegistryUnreachable,
    TagOccupied,
    UntrustedAnswer,
)
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.registry.client import HttpRegistry
from hashtag.registry.credentials import Credentials
from hashtag.registry.retry import Retries
from hashtag.registry.transport import Transport
from servers.scripted import Clock, Reply, Script

_BASE = "https://registry.example/v2/group/app"
_TAG = Reference.parse("registry.example/group/app:1")
_REPOSITORY = _TAG.repository
_URL = f"{_BASE}/manifests/1"
_OTHER = Digest.of(b"another")


def manifest_of(document: object | bytes = None, media_type: str = OCI_MANIFEST) -> Manifest:
    if isinstance(document, bytes):
        return Manifest(media_type, document)
    plain = {"schemaVersion": 2, "mediaType": media_type, "layers": []}
    return Manifest(media_type, json.dumps(plain if document is None else document).encode())


_MANIFEST = manifest_of()


def good(manifest: Manifest = _MANIFEST, status: int = 200, **headers: str | None) -> Reply:
    """Return what a good registry says of a manifest; headers may be replaced, or None to leave them out."""
    usual: dict[str, str | None] = {
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": str(manifest.digest),
        "Content-Length": str(len(manifest.content)),
    }
    usual |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status, manifest.content, {name: value for name, value in usual.items() if value is not None}
    )


def error(status: int, code: str = "", message: str = "", **headers: str) -> Reply:
    content = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
    return Reply(status, content, {"Content-Type": "application/json", **headers})


def registry(script: Script, clock: Clock | None = None, creds: str | None = None) -> HttpRegistry:
    clock = clock or Clock()
    credentials = Credentials.from_environment({}, creds=creds, registry="registry.example")
    retries = Retries(sleep=clock.sleep, clock=clock, now=lambda: 0.0, jitter=lambda: 0.0)
    return HttpRegistry(Transport(wire=httpx.MockTransport(script)), credentials, retries)


# ── resolve ──────────────────────────────────────────────────────────────────────────────────────


def test_a_head_says_all_there_is_to_know():
    script = Script().on("HEAD", _URL, good())

    assert registry(script).resolve(_TAG) == Descriptor(
        OCI_MANIFEST, _MANIFEST.digest, len(_MANIFEST.content)
    )
    assert script.log == [f"HEAD {_URL}"]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("reference", [_TAG, _REPOSITORY.at(_MANIFEST.digest)], ids=["by tag", "by digest"])
def test_all_four_media_types_and_nothing_else_are_accepted(method, reference):
    script = Script().on(method, f"{_BASE}/manifests/{reference.version}", good())
    asked = registry(script)
    asked.resolve(reference) if method == "HEAD" else asked.manifest(reference)

    [accepted] = script.requests[0].headers.get_list("accept")
    assert accepted.split(", ") == [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(error(404, "MANIFEST_UNKNOWN"), id="tag"),
        pytest.param(error(404, "NAME_UNKNOWN"), id="repository"),
        pytest.param(Reply(404), id="empty"),
        pytest.param(
            Reply(404, b"", {"Content-Type": "text/html", "Docker-Distribution-Api-Version": "registry/2.0"}),
            id="a registry that calls it html",
        ),
    ],
)
def test_404_means_missing(reply):
    assert registry(Script().on("HEAD", _URL, reply)).resolve(_TAG) is None


@pytest.mark.parametrize("status", [200, 401])
def test_a_404_in_html_is_believed_where_the_server_says_that_it_is_a_registry(status):
    page = Reply(404, b"", {"Content-Type": "text/html"})
    ping = Reply(status, b"", {"Docker-Distribution-Api-Version": "registry/2.0"})
    script = Script().on("HEAD", _URL, page).on("GET", "https://registry.example/v2/", ping)
    asked = registry(script)

    assert (asked.resolve(_TAG), asked.resolve(_TAG)) == (None, None)
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 410, 418, 301, 204])
def test_nothing_but_404_means_missing(status):
    with pytest.raises(RegistryError):
        registry(Script().on("HEAD", _URL, Reply(status))).resolve(_TAG)


@pytest.mark.parametrize("status", [405, 501])
def test_a_head_that_is_not_implemented_becomes_a_get(status):
    script = Script().on("HEAD", _URL, Reply(status)).on("GET", _URL, good())

    assert registry(script).resolve(_TAG) == _MANIFEST.descriptor


def test_a_get_after_a_head_that_is_not_implemented_may_say_missing():
    script = Script().on("HEAD", _URL, Reply(405)).on("GET", _URL, error(404))

    assert registry(script).resolve(_TAG) is None


@pytest.mark.parametrize("absent", ["Docker_Content_Digest", "Content_Length"])
def test_a_head_that_does_not_say_all_becomes_a_get_that_is_hashed(absent):
    script = Script().on("HEAD", _URL, good(**{absent: None})).on("GET", _URL, good(**{absent: None}))

    assert registry(script).resolve(_TAG) == _MANIFEST.descriptor


@pytest.mark.parametrize(
    "text",
    [
        "sha256:ABC",
        "../../x",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 64 + ", x",
        "md5:" + "0" * 32,
        "",
        "sha512:0",
    ],
)
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_malformed_digest_is_an_error(method, text):
    script = Script().on(method, _URL, good(Docker_Content_Digest=text))
    asked = registry(script)

    with pytest.raises(RegistryError, match="malformed Docker-Content-Digest"):
        asked.resolve(_TAG) if method == "HEAD" else asked.manifest(_TAG)


def test_a_head_that_answers_for_another_digest_is_an_error():
    reference = _REPOSITORY.at(_OTHER)
    script = Script().on("HEAD", f"{_BASE}/manifests/{_OTHER}", good())

    with pytest.raises(RegistryError, match="answered for"):
        registry(script).resolve(reference)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("status", [200, 404])
def test_a_web_page_is_not_an_answer(method, status):
    page = Reply(status, b"<html>log in", {"Content-Type": "text/html; charset=utf-8"})
    asked = registry(Script().on(method, _URL, page).on("GET", "https://registry.example/v2/", page))

    with pytest.raises(RegistryUnreachable, match="not a registry's answer but a web page"):
        asked.resolve(_TAG) if method == "HEAD" else asked.manifest(_TAG)


# ── retries ──────────────────────────────────────────────────────────────────────────────────────


def test_429_is_waited_for_as_asked_and_stays_a_head():
    clock = Clock()
    script = Script().on("HEAD", _URL, Reply(429, b"", {"Retry-After": "3"}), good())

    assert registry(script, clock).resolve(_TAG)
    assert clock.waits == [3.0]
    assert script.log == [f"HEAD {_URL}"] * 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_twice_is_asked_three_times(status):
    script = Script().on("HEAD", _URL, Reply(status), Reply(status), good())

    assert registry(script).resolve(_TAG)
    assert script.log == [f"HEAD {_URL}"] * 3


def test_a_server_that_fails_for_ever_is_unreachable_and_named_with_the_last_cause():
    clock = Clock()
    script = Script().on("HEAD", _URL, error(503, "UNAVAILABLE", "down for \x1b[31mmaintenance"))

    with pytest.raises(RegistryUnreachable) as caught:
        registry(script, clock).resolve(_TAG)

    assert "registry.example: no usable answer" in str(caught.value)
    assert "503: UNAVAILABLE down for �[31mmaintenance" in str(caught.value)
    assert clock.elapsed <= 30


def test_a_secondary_rate_limit_is_waited_for():
    script = Script().on(
        "GET", _URL, error(403, "DENIED", "You have exceeded a secondary rate limit"), good()
    )

    assert registry(script).manifest(_TAG) == _MANIFEST


def test_a_body_cut_short_is_asked_for_again():
    cut = httpx.RemoteProtocolError("peer closed connection without sending complete message body")
    script = Script().on("GET", _URL, cut, good())

    assert registry(script).manifest(_TAG) == _MANIFEST


def test_a_body_always_cut_short_is_unreachable():
    cut = httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    with pytest.raises(RegistryUnreachable, match="without sending complete message body"):
        registry(Script().on("GET", _URL, cut)).manifest(_TAG)


# ── manifests ────────────────────────────────────────────────────────────────────────────────────


def test_a_manifest_of_a_digest_is_read_once():
    reference = _REPOSITORY.at(_MANIFEST.digest)
    script = Script().on("GET", f"{_BASE}/manifests/{_MANIFEST.digest}", good())
    asked = registry(script)

    assert asked.manifest(reference) is asked.manifest(reference)
    assert len(script.requests) == 1


def test_a_manifest_of_a_tag_is_read_each_time():
    script = Script().on("GET", _URL, good(), good(manifest_of({"schemaVersion": 2, "new": True})))
    asked = registry(script)

    assert asked.manifest(_TAG) != asked.manifest(_TAG)


def test_bytes_that_are_not_those_of_the_header_are_refused():
    script = Script().on("GET", _URL, good(Docker_Content_Digest=str(_OTHER)))

    with pytest.raises(RegistryError, match=f"not {_OTHER} as they should"):
        registry(script).manifest(_TAG)


def test_bytes_that_are_not_those_asked_for_are_refused():
    script = Script().on("GET", f"{_BASE}/manifests/{_OTHER}", good(Docker_Content_Digest=None))

    with pytest.raises(RegistryError, match=f"not {_OTHER} as they should"):
        registry(script).manifest(_REPOSITORY.at(_OTHER))


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        pytest.param(manifest_of(b"{"), "not valid JSON", id="cut off"),
        pytest.param(manifest_of(b'{"a": 1, "a": 2}'), "not valid JSON", id="one key twice"),
        pytest.param(manifest_of(b'{"a": NaN}'), "not valid JSON", id="not a number"),
        pytest.param(manifest_of(b'{"a": -Infinity}'), "not valid JSON", id="infinity"),
        pytest.param(manifest_of(b"[" * 100_000), "not valid JSON", id="too deep"),
        pytest.param(manifest_of(b"[]"), "not a JSON object", id="a list"),
        pytest.param(manifest_of(b"\xff"), "not valid JSON", id="not UTF-8"),
        pytest.param(
            manifest_of({"mediaType": OCI_INDEX}), "Content-Type is .*, but mediaType", id="two media types"
        ),
        pytest.param(manifest_of({"mediaType": 1}), "but mediaType 1", id="media type is a number"),
        pytest.param(
            manifest_of({"manifests": [], "layers": []}), "index and an image at once", id="index and image"
        ),
        pytest.param(
            manifest_of({"manifests": [], "config": {}}, OCI_INDEX),
            "index and an image",
            id="index and config",
        ),
        pytest.param(manifest_of({"schemaVersion": 1}), "schema 1", id="schema 1 under another type"),
        pytest.param(
            manifest_of({}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
            "schema 1",
            id="schema 1",
        ),
        pytest.param(manifest_of({}, "application/octet-stream"), "unknown media type", id="unknown type"),
        pytest.param(manifest_of({}, ""), "unknown media type", id="no type"),
    ],
)
def test_a_manifest_that_is_none_is_refused(manifest, message):
    with pytest.raises(RegistryError, match=message):
        registry(Script().on("GET", _URL, good(manifest))).manifest(_TAG)


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(manifest_of({"schemaVersion": 2}), id="no media type inside"),
        pytest.param(manifest_of({"artifactType": "application/x", "x": {"y": []}}), id="unknown artifact"),
        pytest.param(manifest_of(b'{ "manifests" : [ ] }\r\n\r\n', DOCKER_LIST), id="odd white space"),
    ],
)
def test_bytes_are_kept_as_they_are(manifest):
    assert registry(Script().on("GET", _URL, good(manifest))).manifest(_TAG) == manifest


def test_parameters_of_a_media_type_are_ignored():
    script = Script().on("GET", _URL, good(Content_Type=f"{OCI_MANIFEST}; charset=utf-8"))

    assert registry(script).manifest(_TAG) == _MANIFEST


def test_a_manifest_over_4_mib_is_refused():
    manifest = manifest_of(b'{"x": "' + b"x" * (4 * 1024 * 1024) + b'"}')

    with pytest.raises(RegistryError, match="larger than 4194304 bytes"):
        registry(Script().on("GET", _URL, good(manifest))).manifest(_TAG)


# ── put ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_very_bytes_are_put_under_their_own_media_type():
    script = Script().on("PUT", _URL, Reply(201, headers={"Docker-Content-Digest": str(_MANIFEST.digest)}))

    assert registry(script).put_manifest(_MANIFEST, _TAG) == _MANIFEST.digest
    assert script.requests[0].content == _MANIFEST.content
    assert script.requests[0].headers["content-type"] == OCI_MANIFEST


def test_a_put_whose_answer_names_another_digest_is_an_error():
    script = Script().on("PUT", _URL, Reply(201, headers={"Docker-Content-Digest": str(_OTHER)}))

    with pytest.raises(RegistryError, match=f"stored {_OTHER}, not"):
        registry(script).put_manifest(_MANIFEST, _TAG)


def test_a_put_whose_answer_names_no_digest_is_believed():
    assert registry(Script().on("PUT", _URL, Reply(201))).put_manifest(_MANIFEST, _TAG) == _MANIFEST.digest


def test_a_put_whose_reply_was_lost_is_not_repeated():
    script = Script().on("PUT", _URL, httpx.ReadError("reset")).on("HEAD", _URL, good())

    assert registry(script).put_manifest(_MANIFEST, _TAG) == _MANIFEST.digest
    assert script.log == [f"PUT {_URL}", f"HEAD {_URL}"]


def test_a_put_that_did_not_arrive_is_repeated():
    script = Script().on("PUT", _URL, httpx.ReadError("reset"), Reply(201)).on("HEAD", _URL, Reply(404))

    assert registry(script).put_manifest(_MANIFEST, _TAG) == _MANIFEST.digest


@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"])
def test_a_put_of_what_has_vanished_is_missing_and_not_repeated(code):
    script = (
        Script().on("PUT", _URL, error(400, code, "blob unknown to registry")).on("HEAD", _URL, Reply(404))
    )

    with pytest.raises(ManifestMissing, match=code):
        registry(script).put_manifest(_MANIFEST, _TAG)

    assert [line for line in script.log if line.startswith("PUT")] == [f"PUT {_URL}"]


_IMMUTABLE = [
    pytest.param(error(409, "TAG_IMMUTABLE"), id="GitLab"),
    pytest.param(error(412, "PRECONDITION"), id="Harbor"),
    pytest.param(error(405, "UNSUPPORTED"), id="ACR"),
    pytest.param(error(400, "ImageAlreadyExistsException"), id="ECR"),
]


@pytest.mark.parametrize("reply", _IMMUTABLE)
def test_an_immutable_tag_that_holds_the_same_is_a_success(reply):
    script = Script().on("PUT", _URL, reply).on("HEAD", _URL, good())

    assert registry(script).put_manifest(_MANIFEST, _TAG) == _MANIFEST.digest


@pytest.mark.parametrize("reply", _IMMUTABLE)
def test_an_immutable_tag_that_holds_another_is_refused_and_both_are_named(reply):
    other = manifest_of({"schemaVersion": 2})
    script = Script().on("PUT", _URL, reply).on("HEAD", _URL, good(other))

    with pytest.raises(TagOccupied) as caught:
        registry(script).put_manifest(_MANIFEST, _TAG)

    assert caught.value.status == 5
    assert str(other.digest) in str(caught.value)
    assert str(_MANIFEST.digest) in str(caught.value)


def test_a_registry_that_takes_no_writes_says_so():
    script = Script().on("PUT", _URL, error(405, "UNSUPPORTED", "read only")).on("HEAD", _URL, Reply(404))

    with pytest.raises(RegistryError, match="405: UNSUPPORTED read only"):
        registry(script).put_manifest(_MANIFEST, _TAG)


def test_a_manifest_too_large_for_the_registry_is_an_error_with_its_words():
    script = Script().on("PUT", _URL, error(413, "SIZE_INVALID", "at most 1 MB"))

    with pytest.raises(RegistryError, match="413: SIZE_INVALID at most 1 MB"):
        registry(script).put_manifest(_MANIFEST, _TAG)


def test_a_repository_that_has_to_be_made_first_is_missing():
    script = Script().on("PUT", _URL, error(404, "NAME_UNKNOWN", "repository does not exist"))

    with pytest.raises(ManifestMissing, match="NAME_UNKNOWN") as caught:
        registry(script).put_manifest(_MANIFEST, _TAG)

    assert "made first" in caught.value.hint


# ── blobs ────────────────────────────────────────────────────────────────────────────────────────

_BLOB = Digest.of(b"blob")
_BLOB_URL = f"{_BASE}/blobs/{_BLOB}"
_UPLOADS = f"{_BASE}/blobs/uploads/"


def test_a_blob_whose_bytes_are_others_is_refused():
    with pytest.raises(RegistryError, match="not those of its digest"):
        registry(Script().on("GET", _BLOB_URL, Reply(200, b"other"))).blob(_REPOSITORY, _BLOB)


def test_a_blob_is_read_from_where_the_registry_sends_us_without_authorization():
    script = Script().on(
        "GET",
        _BLOB_URL,
        Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'}),
        Reply(307, b"", {"Location": "https://s3.example/b?sig=1"}),
    )
    script.on("GET", "https://s3.example/b", Reply(200, b"blob"))

    assert registry(script, creds="u:p").blob(_REPOSITORY, _BLOB) == b"blob"
    assert script.authorizations == [None, "Basic dTpw", None]


def test_a_small_blob_is_read_once():
    script = Script().on("GET", _BLOB_URL, Reply(200, b"blob"))
    asked = registry(script)

    assert asked.blob(_REPOSITORY, _BLOB) == asked.blob(_REPOSITORY, _BLOB) == b"blob"
    assert len(script.requests) == 1


def test_a_large_blob_is_read_each_time():
    large = b"x" * (64 * 1024 + 1)
    script = Script().on("GET", f"{_BASE}/blobs/{Digest.of(large)}", Reply(200, large))
    asked = registry(script)

    assert asked.blob(_REPOSITORY, Digest.of(large)) == asked.blob(_REPOSITORY, Digest.of(large))
    assert len(script.requests) == 2


def test_a_blob_over_16_mib_is_refused():
    script = Script().on("GET", _BLOB_URL, Reply(200, b"x" * (16 * 1024 * 1024 + 1)))

    with pytest.raises(RegistryError, match="larger than 16777216 bytes"):
        registry(script).blob(_REPOSITORY, _BLOB)


def test_a_blob_that_is_there_is_not_sent():
    script = Script().on("HEAD", _BLOB_URL, Reply(200))

    assert registry(script).put_blob(_REPOSITORY, b"blob") == _BLOB
    assert script.log == [f"HEAD {_BLOB_URL}"]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        pytest.param("/v2/up/1", f"https://registry.example/v2/up/1?digest={_BLOB}", id="relative"),
        pytest.param(
            "https://registry.example/up?state=a%2Fb",
            f"https://registry.example/up?state=a%2Fb&digest={_BLOB}",
            id="with a query",
        ),
        pytest.param("https://s3.example/up", f"https://s3.example/up?digest={_BLOB}", id="elsewhere"),
    ],
)
def test_a_blob_is_sent_to_where_the_registry_says_and_authorization_only_to_itself(location, target):
    script = Script().on("HEAD", _BLOB_URL, Reply(401, b"", {"WWW-Authenticate": "Basic"}), Reply(404))
    script.on("POST", _UPLOADS, Reply(202, b"", {"Location": location})).on("PUT", target, Reply(201))

    assert registry(script, creds="u:p").put_blob(_REPOSITORY, b"blob") == _BLOB
    assert script.log[-1] == f"PUT {target}"
    assert script.requests[-1].content == b"blob"
    assert script.authorizations[-1] == (None if "s3" in target else "Basic dTpw")


@pytest.mark.parametrize("location", ["http://registry.example/up", "https://127.0.0.1/up", "https://[::1"])
def test_a_blob_is_not_sent_where_nothing_may_be_sent(location):
    script = (
        Script()
        .on("HEAD", _BLOB_URL, Reply(404))
        .on("POST", _UPLOADS, Reply(202, b"", {"Location": location}))
    )

    with pytest.raises(UntrustedAnswer):
        registry(script).put_blob(_REPOSITORY, b"blob")


def test_a_challenge_from_where_a_blob_is_sent_gets_no_password():
    script = Script().on("HEAD", _BLOB_URL, Reply(401, b"", {"WWW-Authenticate": "Basic"}), Reply(404))
    script.on("POST", _UPLOADS, Reply(202, b"", {"Location": "https://evil.example/up"}))
    script.on(
        "PUT",
        "https://evil.example/up",
        Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="https://evil.example/token"'}),
    )
    script.on("DELETE", "https://evil.example/up", Reply(401))

    with pytest.raises(AccessDenied):
        registry(script, creds="u:p").put_blob(_REPOSITORY, b"blob")

    assert [
        request.headers.get("authorization")
        for request in script.requests
        if request.url.host == "evil.example"
    ] == [None, None]


def test_a_blob_whose_reply_was_lost_is_not_sent_again():
    script = Script().on("HEAD", _BLOB_URL, Reply(404), Reply(200))
    script.on("POST", _UPLOADS, Reply(202, b"", {"Location": "/up"}))
    script.on("PUT", "https://registry.example/up", httpx.ReadError("reset"))
    script.on("DELETE", "https://registry.example/up", Reply(404))

    assert registry(script).put_blob(_REPOSITORY, b"blob") == _BLOB
    assert sum(line.startswith("PUT") for line in script.log) == 1


@pytest.mark.parametrize(
    "reply", [error(500 + 5), Reply(202), error(404, "NAME_UNKNOWN")], ids=["505", "no location", "404"]
)
def test_an_upload_that_does_not_begin_is_an_error(reply):
    script = Script().on("HEAD", _BLOB_URL, Reply(404)).on("POST", _UPLOADS, reply)

    with pytest.raises(RegistryError):
        registry(script).put_blob(_REPOSITORY, b"blob")


def test_an_upload_that_does_not_end_well_is_an_error():
    script = (
        Script().on("HEAD", _BLOB_URL, Reply(404)).on("POST", _UPLOADS, Reply(202, b"", {"Location": "/up"}))
    )
    script.on("PUT", "https://registry.example/up", error(400, "DIGEST_INVALID"))
    script.on("DELETE", "https://registry.example/up", Reply(204))

    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        registry(script).put_blob(_REPOSITORY, b"blob")

    assert script.log[-1] == "DELETE https://registry.example/up"


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────

_TAGS = f"{_BASE}/tags/list"


def page(*tags: object, link: str = "") -> Reply:
    content = json.dumps({"name": "group/app", "tags": list(tags)}).encode()
    return Reply(200, content, {"Content-Type": "application/json"} | ({"Link": link} if link else {}))


@pytest.mark.parametrize(
    "link",
    [
        '</v2/group/app/tags/list?last=b&n=2>; rel="next"',
        f'<{_TAGS}?last=b&n=2>; rel="next"',
        "<?last=b&n=2>;rel=next",
        '<https://registry.example/elsewhere>; rel="prev", </v2/group/app/tags/list?last=b&n=2>; rel="next"',
    ],
    ids=["relative", "absolute", "query alone", "second of two"],
)
def test_every_page_of_tags_is_read(link):
    script = Script().on("GET", f"{_TAGS}?last=b&n=2", page("c")).on("GET", _TAGS, page("a", "b", link=link))

    assert list(registry(script).tags(_REPOSITORY)) == ["a", "b", "c"]
    assert str(script.requests[0].url) == _TAGS


def test_tags_that_stand_twice_or_are_none_are_left_out():
    script = Script().on("GET", _TAGS, page("a", "a", "b", 1, None, "../x", "x" * 129, "-x"))

    assert list(registry(script).tags(_REPOSITORY)) == ["a", "b"]


@pytest.mark.parametrize(
    "reply",
    [Reply(200, b'{"name": "group/app", "tags": null}'), page(), error(404, "NAME_UNKNOWN")],
    ids=["null", "empty", "no repository"],
)
def test_a_repository_may_have_no_tags(reply):
    assert list(registry(Script().on("GET", _TAGS, reply)).tags(_REPOSITORY)) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"tags": 1}', b"nonsense"])
def test_what_is_no_list_of_tags_is_an_error(content):
    with pytest.raises(RegistryError, match="not a list of tags"):
        list(registry(Script().on("GET", _TAGS, Reply(200, content))).tags(_REPOSITORY))


def test_pages_that_lead_in_a_circle_are_an_error():
    script = Script().on("GET", _TAGS, page("a", link='<?last=a>; rel="next"'))

    with pytest.raises(RegistryError, match="has no end"):
        list(registry(script).tags(_REPOSITORY))


@pytest.mark.parametrize("url", ["https://evil.example/v2/x", "http://registry.example/x", "https://[::1"])
def test_a_next_page_elsewhere_is_refused(url):
    script = Script().on("GET", _TAGS, page("a", link=f'<{url}>; rel="next"'))

    with pytest.raises(UntrustedAnswer):
        list(registry(script).tags(_REPOSITORY))

    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [404, 400, 403])
def test_a_later_page_that_fails_fails_the_list(status):
    script = (
        Script()
        .on("GET", f"{_TAGS}?last=a", error(status))
        .on("GET", _TAGS, page("a", link='<?last=a>; rel="next"'))
    )

    with pytest.raises(RegistryError):
        list(registry(script).tags(_REPOSITORY))


# ── rights ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_missing_or_no_permission_and_never_missing(status):
    with pytest.raises(AccessDenied, match="missing or no permission") as caught:
        registry(Script().on("HEAD", _URL, Reply(status))).resolve(_TAG)

    assert caught.value.status == 3
    assert "no login was found for registry.example" in caught.value.hint


def test_a_refusal_names_the_origin_of_the_login_and_never_the_password():
    script = Script().on(
        "PUT",
        _URL,
        Reply(401, b"", {"WWW-Authenticate": "Basic"}),
        error(403, "DENIED", "user bob:SECRET may not push"),
    )

    with pytest.raises(AccessDenied) as caught:
        registry(script, creds="bob:SECRET").put_manifest(_MANIFEST, _TAG)

    assert caught.value.hint == "the login 'bob' came from creds; it needs pull,push on this repository"
    assert "SECRET" not in f"{caught.value} {caught.value.hint}"


def test_docker_hub_is_asked_under_its_servers_name():
    reference = Reference.parse("debian:12")
    script = Script().on("HEAD", "https://registry-1.docker.io/v2/library/debian/manifests/12", good())

    assert registry(script).resolve(reference)


def test_sixteen_threads_share_one_client():
    script = Script().on("HEAD", _URL, good())
    shared = registry(script)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(shared.resolve, [_TAG] * 64))

    assert found == [_MANIFEST.descriptor] * 64


def test_no_secret_stands_in_the_repr():
    client = registry(Script(), creds="bob:SECRET")

    assert "SECRET" not in repr(client)
    assert "bob" not in repr(client)


def test_a_name_that_could_leave_its_path_is_refused_before_any_request():
    for text in ("registry.example/../x:1", "registry.example/a%2fb:1", "registry.example/a?b:1"):
        with pytest.raises(Exception, match="repository name"):
            Reference.parse(text)
    assert Repository.parse("registry.example/a/b")
