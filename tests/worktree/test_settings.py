"""What a project says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hashtag.errors import ConfigError, HashtagError, InvalidReference, SeveralErrors
from hashtag.images.model import ContextFiles, MissingSources, Modes, RemoteAdd
from hashtag.worktree import settings
from hashtag.worktree.settings import Settings


def load(
    folder: Path, text: str | None = None, environ: Mapping[str, str] | None = None, **overrides: object
) -> Settings:
    if text is not None:
        (folder / "hashtag.toml").write_text(text)
    return settings.load(folder, environ=environ or {}, overrides=overrides)


def errors_of(
    folder: Path, text: str, environ: Mapping[str, str] | None = None, **overrides: object
) -> list[HashtagError]:
    with pytest.raises(HashtagError) as caught:
        load(folder, text, environ, **overrides)
    return list(caught.value.errors) if isinstance(caught.value, SeveralErrors) else [caught.value]


def error_of(
    folder: Path, text: str, environ: Mapping[str, str] | None = None, **overrides: object
) -> HashtagError:
    (error,) = errors_of(folder, text, environ, **overrides)
    return error


# ── where settings come from ─────────────────────────────────────────────────────────────────────


def test_nothing_has_to_be_configured(tmp_path: Path) -> None:
    found = load(tmp_path)

    assert found.folder == tmp_path
    assert (found.repository, found.pipeline_tag, found.images, found.warnings) == (None, None, (), ())
    assert (found.modes, found.context_files) == (Modes.GIT, ContextFiles.USED)
    assert (found.remote_add, found.missing_sources) == (RemoteAdd.FETCH, MissingSources.ERROR)
    assert set(found.origins.values()) == {"default"}


def test_ci_says_what_nobody_else_does(tmp_path: Path) -> None:
    found = load(tmp_path, None, {"CI_REGISTRY_IMAGE": "reg.example/grp/proj", "CI_PIPELINE_IID": "1742"})

    assert (str(found.repository), found.pipeline_tag) == ("reg.example/grp/proj", "1742")
    assert found.origins["repository"] == "CI_REGISTRY_IMAGE"
    assert str(found.plans_repository) == "reg.example/grp/proj/plans"


@pytest.mark.parametrize(
    ("text", "environ", "overrides", "tag", "origin"),
    [
        pytest.param(
            'pipeline-tag = "4"', {"CI_PIPELINE_IID": "5"}, {}, "4", "hashtag.toml:1", id="file before CI"
        ),
        pytest.param(
            'pipeline-tag = "4"',
            {"HASHTAG_PIPELINE_TAG": "3"},
            {},
            "3",
            "HASHTAG_PIPELINE_TAG",
            id="variable before file",
        ),
        pytest.param(
            'pipeline-tag = "4"',
            {"HASHTAG_PIPELINE_TAG": "3"},
            {"pipeline_tag": "2"},
            "2",
            "command line",
            id="command line before all",
        ),
        pytest.param(
            'pipeline-tag = "4"',
            {"HASHTAG_PIPELINE_TAG": ""},
            {},
            "4",
            "hashtag.toml:1",
            id="an empty variable says nothing",
        ),
        pytest.param(
            'pipeline-tag = "4"', {}, {"pipeline_tag": None}, "4", "hashtag.toml:1", id="an option not given"
        ),
        pytest.param(
            'pipeline-tag = "${X:-}"', {}, {}, None, "hashtag.toml:1", id="an empty text in the file"
        ),
        pytest.param(
            'pipeline-tag = "${NO_SUCH}"',
            {"HASHTAG_PIPELINE_TAG": "3"},
            {},
            "3",
            "HASHTAG_PIPELINE_TAG",
            id="not looked at",
        ),
    ],
)
def test_the_nearest_to_the_user_has_the_word(
    tmp_path: Path,
    text: str,
    environ: dict[str, str],
    overrides: dict[str, object],
    tag: str | None,
    origin: str,
) -> None:
    found = load(tmp_path, text, environ, **overrides)

    assert (found.pipeline_tag, found.origins["pipeline-tag"]) == (tag, origin)


def test_every_kind_of_value_can_come_from_a_variable(tmp_path: Path) -> None:
    (tmp_path / "a.docker").write_text("FROM scratch\n")
    variables = {
        "HASHTAG_REPOSITORY": "reg.example/g",
        "HASHTAG_MODES": "full",
        "HASHTAG_EXTERNAL": "*:current-passed-ci, x/*\ny",
        "HASHTAG_MIRRORS": "docker.io=mirror.example/docker.io,quay.io=mirror.example/quay",
        "HASHTAG_PUBLISH": "main=latest,main=newest\nstable-*={branch}",
        "HASHTAG_KNOWN_AS": "qemu/{name},qemu:{name}",
        "HASHTAG_DOCKERFILES": "*.docker",
        "HASHTAG_CONTEXT": ".",
        "HASHTAG_PLATFORMS": "linux/amd64,linux/arm64",
        "HASHTAG_ARGS": "A=1,2\nB=x=y",
        "HASHTAG_REFRESH": "2w",
    }

    found = load(tmp_path, "", variables)
    (image,) = found.images

    assert found.modes is Modes.FULL
    assert found.external == ("*:current-passed-ci", "x/*", "y")
    assert found.mirrors == {"docker.io": "mirror.example/docker.io", "quay.io": "mirror.example/quay"}
    assert found.publish == {"main": ("latest", "newest"), "stable-*": ("{branch}",)}
    assert image.known_as == ("qemu/a", "qemu:a")
    assert [str(platform) for platform in image.platforms] == ["linux/amd64", "linux/arm64"]
    assert image.arguments == {"A": "1,2", "B": "x=y"}
    assert image.refresh == 14 * 86400
    assert {found.origins[key] for key in ("modes", "args", "publish")} == {
        "HASHTAG_MODES",
        "HASHTAG_ARGS",
        "HASHTAG_PUBLISH",
    }


def test_options_may_be_texts_or_lists(tmp_path: Path) -> None:
    found = load(tmp_path, None, None, look_in=["reg.example/up"], external="a,b", modes="full")

    assert (found.look_in, found.external, found.modes) == (("reg.example/up",), ("a", "b"), Modes.FULL)


def test_a_variable_that_nothing_reads_is_only_a_warning(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        None,
        {"HASHTAG_PIPELINE_TGA": "1", "HASHTAG_REGISTRY": "{}", "HASHTAGS": "x", "HASHTAG_WEB_IMAGE": "y"},
    )

    assert found.warnings == (
        "HASHTAG_PIPELINE_TGA is set, but nothing reads it; did you mean 'HASHTAG_PIPELINE_TAG'?",
    )


def test_rows_name_every_setting_and_image_but_no_value_of_an_argument(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    found = load(
        tmp_path, '[args]\nTOKEN = "hunter2"\n[mirrors]\n"a" = "b"\n[[image]]\ndockerfile = "Dockerfile"\n'
    )
    shown = {row.name: row.value for row in found.rows}

    assert (shown["args"], shown["mirrors"], shown["modes"], shown["platforms"]) == (
        "TOKEN",
        "a=b",
        "git",
        "linux/amd64",
    )
    assert found.origins["image.image"] == "hashtag.toml:6"
    assert "hunter2" not in str(found.rows)


# ── which file ───────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_looked_for_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "hashtag.toml").write_text('pipeline-tag = "outside"')
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / "a" / "b").mkdir(parents=True)

    assert load(tmp_path / "repository" / "a" / "b").pipeline_tag is None

    (tmp_path / "repository" / "hashtag.toml").write_text('pipeline-tag = "top"')
    found = load(tmp_path / "repository" / "a" / "b")

    assert (found.pipeline_tag, found.folder) == ("top", tmp_path / "repository")
    assert found.origins["pipeline-tag"] == "../../hashtag.toml:1"


def test_outside_of_a_repository_only_the_folder_itself_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "hashtag.toml").write_text('pipeline-tag = "above"')

    assert load(tmp_path / "a").pipeline_tag is None


def test_a_pyproject_may_hold_the_settings(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.hashtag]\npipeline-tag = "7"\n')

    assert load(tmp_path).origins["pipeline-tag"] == "pyproject.toml:5"


def test_hashtag_toml_comes_before_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.hashtag]\npipeline-tag = "7"\n')

    assert load(tmp_path, 'pipeline-tag = "8"').pipeline_tag == "8"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[project]\nname = "x"\n', id="without a table of ours"),
        pytest.param("not toml at all [", id="broken, but not about hashtag"),
        pytest.param("# hashtag\n[tool]\nx = 1\n", id="that names hashtag in a comment"),
        pytest.param('tool = "hashtag"\n', id="whose tool is no table"),
    ],
)
def test_a_pyproject_that_says_nothing_of_hashtag_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert set(load(tmp_path).origins.values()) == {"default"}


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        pytest.param(
            '\nrepositry = "x"', "2:1", "unknown key 'repositry'", "did you mean 'repository'?", id="a typo"
        ),
        pytest.param(
            "zzz = 1", "1:1", "unknown key 'zzz'", "known keys: repository", id="no typo of anything"
        ),
        pytest.param(
            "repository = 3", "1:1", "repository has to be a text, not a number", "", id="a wrong type"
        ),
        pytest.param(
            "external = [\n 'a',\n true]", "3:2", "a text, not true or false", "", id="a wrong item"
        ),
        pytest.param('modes = "gti"', "1:1", '"git", "full"', "did you mean 'git'?", id="a misspelt word"),
        pytest.param('modes = "zzz"', "1:1", '"git", "full"', 'it is one of "git"', id="no such word"),
        pytest.param(
            'bases = "locked"', "1:1", '"locked" is not yet supported', 'use "latest"', id="not yet"
        ),
        pytest.param('refresh = "7 days"', "1:1", "a period", '"7d"', id="a period of another form"),
        pytest.param(
            "mirrors = ['a']", "1:1", "mirrors has to be a table, not a list", "NAME=VALUE", id="no table"
        ),
        pytest.param(
            "args = { A = true }", "1:10", "A has to be a text, not true or false", "", id="true is no text"
        ),
        pytest.param("platforms = []", "1:1", "the list is empty", "linux/amd64", id="no platform"),
        pytest.param(
            "platforms = ['linux/amd64',\n 'a/b/c/d']",
            "2:2",
            "not a platform",
            "linux/amd64",
            id="a platform",
        ),
        pytest.param(
            "platforms = ['linux/amd46']",
            "1:14",
            "there is no platform 'linux/amd46'",
            "did you mean 'linux/amd64'?",
            id="no such platform",
        ),
        pytest.param(
            "image = 3", "1:1", "image has to be a list of tables", "[[image]]", id="image is no table"
        ),
        pytest.param("external = 3", "1:1", "a list of texts, not a number", "", id="no list"),
        pytest.param("\n[oops", "2:6", "not TOML", "", id="no TOML"),
        pytest.param("a = '''", "1:8", "not TOML", "", id="TOML that ends too early"),
        pytest.param(
            'repository = "${NO_SUCH}/x"', "1:1", "variable NO_SUCH is not set", "NO_SUCH", id="undefined"
        ),
        pytest.param('repository = "${NO"', "1:1", "not followed by", "${NAME}", id="a malformed variable"),
        pytest.param('repository = "a b"', "1:1", "is not a repository name", "", id="no repository"),
        pytest.param(
            'repository = "user:hunter2@r.example/x"',
            "1:1",
            "repository has an @",
            "login",
            id="credentials",
        ),
        pytest.param(
            'mirrors = { a = "u:hunter2@m" }',
            "1:1",
            "mirrors has an @",
            "login",
            id="credentials of a mirror",
        ),
        pytest.param(
            'reference = "{repository}/x"', "1:1", "has to hold {name}", "", id="one place for all images"
        ),
        pytest.param('reference = "x/{repository}/{name}"', "1:1", "has to start with", "", id="a template"),
        pytest.param(
            'plans = "{repository}/{tag}"', "1:1", "'{tag}' has no meaning here", "", id="a placeholder"
        ),
        pytest.param(
            'requires = ">=999"', "1:1", "requires hashtag >=999", "pip install", id="a newer hashtag"
        ),
        pytest.param(
            'dockerfiles = ["*.docker"]', "1:16", "no file matches '*.docker'", "", id="a pattern of nothing"
        ),
        pytest.param(
            'import = ["images.xml"]', "1:11", "cannot be read from 'images.xml'", "compose", id="an import"
        ),
        pytest.param(
            'import = ["../bake.json"]',
            "1:11",
            "does not lie in the project",
            "",
            id="an import from outside",
        ),
        pytest.param('import = "docker-bake.json"', "1:1", "there is no file", "", id="an import of nothing"),
    ],
)
def test_an_error_names_its_place_and_a_remedy(
    tmp_path: Path, text: str, where: str, what: str, hint: str
) -> None:
    error = error_of(tmp_path, text, {"CI_REGISTRY_IMAGE": "reg.example/g"})

    assert error.where == f"hashtag.toml:{where}"
    assert what in error.what
    assert hint in error.hint
    assert "hunter2" not in str(error)
    assert error.status == 2


def test_the_source_line_comes_with_the_place(tmp_path: Path) -> None:
    error = error_of(tmp_path, '# first\nmodes = "gti"  # here\n')

    assert error.location is not None
    assert error.location.source == 'modes = "gti"  # here'


def test_all_that_is_wrong_with_a_file_is_said_at_once(tmp_path: Path) -> None:
    errors = errors_of(
        tmp_path, 'repository = "${NO_SUCH}"\nmodes = 1\nnonsense = 2\nplatforms = ["a/b/c/d", "/"]\n'
    )

    assert len(errors) == 5


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    error = error_of(tmp_path, "", {"HASHTAG_MODES": "x"})

    assert error.where == "HASHTAG_MODES"
    assert error_of(tmp_path, "", {"HASHTAG_ARGS": "A"}).what == "args has to be a table, not a list"
    assert error_of(tmp_path, "", {"HASHTAG_PUBLISH": "main"}).hint == "in a variable, write BRANCH=TAG"


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    assert error_of(tmp_path, "", None, pipelinetag="1").hint == "did you mean 'pipeline-tag'?"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"\xff", "is not UTF-8", id="bytes that are no text"),
        pytest.param(b"#" * (1 << 20) + b"\n", "is larger than 1 MiB", id="too large"),
        pytest.param(b"a = " + b"[" * 5000 + b"]" * 5000, "is nested too deeply", id="nested without end"),
        pytest.param(b"a = " + b"1" * 10_000, "a number that is too long", id="a number without end"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "hashtag.toml").write_bytes(content)

    with pytest.raises(ConfigError, match=what):
        load(tmp_path)


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hashtag.toml").mkdir()

    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


# ── pipeline tags ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("branch", "names", "suggests"),
    [
        pytest.param("feature/x+y", "'/'", "feature-x-y-", id="a branch with a slash"),
        pytest.param("-x", "starts with . or -", "--pipeline-tag x-", id="a dash in front"),
        pytest.param("x" * 200, "too long", "--pipeline-tag xxx", id="too long"),
        pytest.param("ü", "'ü'", "--pipeline-tag ", id="not ASCII"),
        pytest.param("", "empty", "at most 128", id="empty"),
    ],
)
def test_a_branch_that_is_no_tag_is_refused_with_one_that_is(
    tmp_path: Path, branch: str, names: str, suggests: str
) -> None:
    with pytest.raises(InvalidReference) as caught:
        load(tmp_path, None, None, pipeline_tag=branch)

    assert caught.value.where == "command line"
    assert repr(branch) in caught.value.what
    assert names in caught.value.what
    assert suggests in caught.value.hint


@pytest.mark.parametrize("tag", ["h1-foo", "h1.zone-1", "h1-plan-7"])
def test_a_pipeline_tag_among_our_own_tags_is_refused(tmp_path: Path, tag: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        load(tmp_path, None, None, pipeline_tag=tag)

    assert str(caught.value) == f"command line: {tag!r} is a tag that hashtag itself writes"
    assert caught.value.hint == f"give another, for example --pipeline-tag x-{tag}"
    assert load(tmp_path, None, None, pipeline_tag=f"x-{tag}").pipeline_tag == f"x-{tag}"


# ── outside of CI ────────────────────────────────────────────────────────────────────────────────

OF_CI = """
repository = "${CI_REGISTRY_IMAGE}/qemu"
pipeline-tag = "${CI_PIPELINE_IID}"
[publish]
"${CI_DEFAULT_BRANCH}" = ["latest"]
"""


def test_outside_of_ci_what_only_ci_knows_is_not_given(tmp_path: Path) -> None:
    found = load(tmp_path, OF_CI)

    assert (found.repository, found.pipeline_tag, found.publish) == (None, None, {})
    assert found.warnings[0] == (
        "hashtag.toml:2: repository is not known here: only CI sets CI_REGISTRY_IMAGE; "
        "HASHTAG_REPOSITORY sets it too"
    )


def test_in_ci_it_is_an_error(tmp_path: Path) -> None:
    assert len(errors_of(tmp_path, OF_CI, {"CI": "true"})) == 3


def test_what_changes_an_image_is_an_error_everywhere(tmp_path: Path) -> None:
    assert (
        error_of(tmp_path, 'args = { COMMIT = "${CI_COMMIT_SHA}" }').what
        == "variable CI_COMMIT_SHA is not set"
    )


# ── discovery ────────────────────────────────────────────────────────────────────────────────────


def test_without_listed_images_dockerfiles_are_discovered(tmp_path: Path) -> None:
    for path in ("Dockerfile", "web/Dockerfile", "Bad/Dockerfile"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("FROM scratch\n")
    found = load(tmp_path, 'repository = "reg.example/g"\nknown-as = ["our/{name}"]\n')

    assert [(image.name, image.context, str(image.repository)) for image in found.images] == [
        ("image", ".", "reg.example/g"),
        ("web", "web", "reg.example/g/web"),
    ]
    assert all(image.is_discovered for image in found.images)
    assert found.images[1].known_as == ("our/web",)
    assert found.origins["image.web"] == "discovered: web/Dockerfile"
    assert "Bad/Dockerfile is skipped" in found.warnings[0]


def test_in_a_layout_the_image_at_the_top_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    found = load(tmp_path, None, None, repository="oci-layout:registry")

    assert str(found.images[0].repository) == "oci-layout:registry:image"
    assert str(found.plans_repository) == "oci-layout:registry:plans"
