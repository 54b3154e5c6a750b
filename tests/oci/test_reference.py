"""References and repositories: one spelling for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import HashtagError, InvalidDigest, InvalidPlatform, InvalidReference
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository, check_tag

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("debian", "docker.io/library/debian:latest"),
        ("library/debian", "docker.io/library/debian:latest"),
        ("docker.io/debian:12", "docker.io/library/debian:12"),
        ("index.docker.io/library/debian:12", "docker.io/library/debian:12"),
        ("org/app", "docker.io/org/app:latest"),
        ("quay.io/org/app:1", "quay.io/org/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("[::1]:5000/x/y:t", "[::1]:5000/x/y:t"),
        (f"debian@{DIGEST}", f"docker.io/library/debian@{DIGEST}"),
        (f"debian:12@{DIGEST}", f"docker.io/library/debian:12@{DIGEST}"),
        ("oci-layout:some/folder:web:1", "oci-layout:some/folder:web:1"),
        (f"oci-layout:some/folder:web@{DIGEST}", f"oci-layout:some/folder:web@{DIGEST}"),
        (f"oci-layout:some/folder:web:1@{DIGEST}", f"oci-layout:some/folder:web:1@{DIGEST}"),
    ],
)
def test_a_reference_has_one_normal_form(text: str, normalised: str) -> None:
    reference = Reference.parse(text)

    assert str(reference) == normalised
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    ["", ":1", "a:", "A", "a//b", "a/../b", "a b", "a:b c", "a:" + "x" * 129, "-a", "a:.b", "a?b", "a%2fb",
     "x/" + "a" * 256, "http://a/b", "oci-layout:", "a/b\n", "host:123456/a"],
)  # fmt: skip
def test_what_no_registry_takes_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["sha256:abc", "sha256:" + "A" * 64, "md5:" + "0" * 32, DIGEST + "\n", ""])
def test_a_malformed_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest(text)


@pytest.mark.parametrize("tag", ["feature/x+y", "-x", "x" * 200, "ü", "", "a\n"])
def test_a_branch_that_is_no_tag_is_refused_with_the_offending_character(tag: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        check_tag(tag)

    assert repr(tag) in caught.value.what


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/debian:12", "debian:12"),
        ("docker.io/org/a:1", "org/a:1"),
        ("quay.io/a:1", "quay.io/a:1"),
    ],
)
def test_people_read_the_familiar_form(text: str, familiar: str) -> None:
    assert Reference.parse(text).familiar == familiar


def test_a_child_is_below_its_repository() -> None:
    assert str(Repository.parse("reg.example/g").child("web").tagged("1")) == "reg.example/g/web:1"
    assert str(Repository.parse("oci-layout:folder").child("web").tagged("1")) == "oci-layout:folder:web:1"


@given(st.text(max_size=30))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except HashtagError:
        return
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("LINUX/AMD64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("linux", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/arm/6", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_a_platform_has_one_normal_form(text: str, normalised: str) -> None:
    assert str(Platform.parse(text)) == normalised


@pytest.mark.parametrize("text", ["", "a/b/c/d", "linux/", "linux/a b"])
def test_a_malformed_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlatform):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("foo", "write it as linux/amd64"),
        ("linux/foo", "write it as linux/amd64"),
        ("linux/amd46", "did you mean 'linux/amd64'?"),
        ("linux/armv7", "did you mean 'linux/arm/v7'?"),
        ("linus/amd64", "did you mean 'linux/amd64'?"),
        ("linus/arm/v6", "did you mean 'linux/arm/v6'?"),
        ("arm46", "did you mean 'linux/arm64'?"),
        ("windws", "did you mean 'windows/amd64'?"),
    ],
)
def test_a_platform_that_no_one_knows_cannot_be_asked_for(text: str, hint: str) -> None:
    with pytest.raises(InvalidPlatform) as caught:
        Platform.asked(text)

    assert caught.value.what == f"there is no platform {text!r}"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "text",
    [
        *("amd64", "windows", "linux/386", "linux/amd64/v3", "linux/arm/v5", "linux/arm64", "linux/loong64"),
        *("linux/mips", "linux/mips64le", "linux/mipsle/softfloat", "linux/ppc64", "linux/ppc64le"),
        *("linux/riscv64", "linux/s390x", "linux/sparc64", "linux/wasm", "wasi/wasm", "wasi/wasm32"),
        *("wasip1/wasm", "js/wasm", "darwin/arm64", "macos/arm64", "freebsd/amd64", "windows/arm64"),
        *("linux/x86_64", "linux/aarch64", "linux/armhf", "linux/armel", "LINUX/AMD64"),
    ],
)
def test_a_platform_that_is_known_can_be_asked_for(text: str) -> None:
    assert Platform.asked(text) == Platform.parse(text)
