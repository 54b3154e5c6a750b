"""The client against docker-registry with tokens: rights, short lives, several scopes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashtag.errors import AccessDenied
from hashtag.oci.manifest import OCI_INDEX, Manifest
from hashtag.oci.reference import Repository
from hashtag.registry import Registry, find
from servers.docker_registry import RunningRegistry
from servers.token_server import TokenServer, token_guarded

pytestmark = pytest.mark.integration
_INDEX = Manifest(OCI_INDEX, b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % OCI_INDEX.encode())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    with token_guarded(tmp_path_factory.mktemp("tokens")) as (running, tokens):
        tokens.users["bob"] = ("pw", {"pull", "push"})
        yield running, tokens


@pytest.fixture
def guarded(served: tuple[RunningRegistry, TokenServer]) -> RunningRegistry:
    return served[0]


@pytest.fixture
def tokens(served: tuple[RunningRegistry, TokenServer]):
    tokens = served[1]
    tokens.asked.clear()
    yield tokens
    tokens.life_seconds, tokens.tells_life, tokens.name = 300, True, "token"
    tokens.reads_all = True


def opened(running: RunningRegistry, creds: str | None = "bob:pw", name: str = "app") -> Registry:
    return Registry.from_environment(f"{running.host}/{name}", environ={}, creds=creds, budget_seconds=3)


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a_login_is_exchanged_for_a_token_once(guarded, tokens, name):
    tokens.name = name
    with opened(guarded) as registry:
        registry.put_manifest(_INDEX, registry.repository.tagged("1"))
        find(registry, [registry.repository.tagged(str(number)) for number in range(40)])

    assert sorted(set(map(tuple, tokens.asked))) == [
        ("repository:app:pull",),
        ("repository:app:pull,push",),
    ]
    assert len(tokens.asked) == 2


def test_a_stranger_reads_and_does_not_write(guarded, tokens):
    with opened(guarded, creds=None) as registry:
        assert registry.resolve(registry.repository.tagged("absent")) is None
        with pytest.raises(AccessDenied) as caught:
            registry.put_manifest(_INDEX, registry.repository.tagged("1"))

    assert caught.value.status == 3
    assert "no login was found" in caught.value.hint


def test_a_wrong_password_is_denied_by_the_token_server(guarded, tokens):
    with opened(guarded, creds="bob:wrong") as registry, pytest.raises(AccessDenied, match="token server"):
        registry.resolve(registry.repository.tagged("1"))


@pytest.mark.parametrize("tells_life", [True, False], ids=["the server tells", "the server does not tell"])
def test_tokens_that_live_for_seconds_are_renewed_while_we_work(guarded, tokens, tells_life):
    # distribution allows a minute of clocks that differ: the tokens are dead from the start.
    tokens.life_seconds, tokens.tells_life = -58, tells_life
    with opened(guarded) as registry:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            registry.put_manifest(_INDEX, registry.repository.tagged("1"))
            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(registry.resolve, [registry.repository.tagged("1")] * 16))
            time.sleep(0.2)

    assert 3 <= len(tokens.asked) < 40


def test_a_mount_asks_for_rights_to_both_repositories(guarded, tokens):
    with opened(guarded) as registry, opened(guarded, name="other/source") as other:
        digest = other.put_blob(other.repository, b"layer")
        tokens.asked.clear()

        assert registry.mount_blob(digest, other.repository, registry.repository)
        assert registry.has_blob(registry.repository, digest)

    assert ["repository:app:pull,push", "repository:other/source:pull"] in tokens.asked


def test_where_only_the_first_scope_is_read_nothing_is_mounted_and_all_else_works(guarded, tokens):
    tokens.reads_all = False
    with opened(guarded, name="first/scope") as registry, opened(guarded, name="first/source") as other:
        digest = other.put_blob(other.repository, b"layer of the first scope")

        assert not registry.mount_blob(digest, other.repository, registry.repository)
        assert registry.put_blob(registry.repository, b"layer of the first scope") == digest
        assert registry.has_blob(registry.repository, digest)


def test_rights_are_proved_without_writing(guarded, tokens):
    with opened(guarded, name="never/written") as registry:
        login = registry.check_access(push=True)
        assert login is not None
        assert login.username == "bob"
        assert list(registry.tags(Repository.parse(f"{guarded.host}/never/written"))) == []
    with opened(guarded, creds=None, name="never/written") as registry:
        assert registry.check_access(push=False) is None
        with pytest.raises(AccessDenied):
            registry.check_access(push=True)
