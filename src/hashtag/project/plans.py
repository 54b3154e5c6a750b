"""Stored plans: a pipeline's plan in the registry, under a tag of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from attrs import evolve

from hashtag.apply import apply
from hashtag.errors import (
    AccessDenied,
    HashtagError,
    InvalidDocument,
    RegistryError,
    RegistryUnreachable,
    TagOccupied,
    UntrustedAnswer,
    raise_all,
)
from hashtag.images.bases import KnownBases
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.belief import why_doubted
from hashtag.planning.change import LAST_USE, PutArtifact
from hashtag.planning.document import from_json, to_json
from hashtag.planning.known import known_bases
from hashtag.planning.plan import Action, Alias, Build, Failed, Plan
from hashtag.planning.zone import TRUSTED, Zone
from hashtag.project.artifacts import read_artifact

PLAN_TYPE = "application/vnd.hashtag.plan.v1+json"
# How old a stored plan is before a new use of it is written down.
_DAY = timedelta(days=1)


class PlanStore:
    """
    The stored plans of a project, one for each pipeline tag.

    Where plans cannot be stored, all goes on without them, after one warning.

    Attributes:
        warnings: What a user has to know, each once.
        free: Pipeline tags that were looked at before a plan was stored first, and held nothing.
    """

    def __init__(
        self,
        registry: Writer,
        repository: Repository | None,
        zone: Zone = TRUSTED,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """
        Ask nothing yet.

        Args:
            registry: Where the plans are.
            repository: Theirs; None where the project has none.
            zone: This pipeline's: what it stores, no other zone believes.
            clock: The time.
        """
        self._registry = registry
        self._repository = repository
        self._zone = zone
        self._clock = clock
        self.warnings: list[str] = []
        self.free: set[Reference] = set()

    def reference(self, pipeline_tag: str) -> Reference:
        """Return where a pipeline's plan is stored."""
        assert self._repository is not None  # asked for by load and begin alone  # noqa: S101
        return self._repository.tagged(self._zone.plan_tag(pipeline_tag))

    def load(self, pipeline_tag: str | None) -> Plan | None:
        """Return a pipeline's plan; None where there is none, or it cannot be read."""
        if pipeline_tag is None or self._repository is None:
            return None
        reference = self.reference(pipeline_tag)
        try:
            return self._load(reference)
        except (RegistryUnreachable, UntrustedAnswer):
            raise
        except (RegistryError, InvalidDocument) as error:
            self._warn("read", reference, error)
            return None

    def begin(self, plan: Plan) -> Plan | None:
        """
        Store a plan before anything is built or tagged; return the one that is stored now.

        What the same commit planned before under this pipeline's tag stays in it, so that jobs that
        plan an image each end with one plan.

        Raises:
            TagOccupied: No plan was stored yet, and a pipeline tag holds another image already.
        """
        if plan.pipeline_tag is None or self._repository is None:
            return None
        before = self.load(plan.pipeline_tag)
        if before is None:
            occupied = self._occupied(plan)
            # Jobs of one pipeline may begin at once: another one's plan can be there by now.
            before = self.load(plan.pipeline_tag) if occupied else None
            raise_all(() if before else occupied)
        whole = plan if before is None else merged(before, plan)
        content = to_json(whole, saved=True).encode()
        reference = self.reference(plan.pipeline_tag)
        try:
            apply([PutArtifact(reference, PLAN_TYPE, content, self._use(whole))], self._registry)
        except (RegistryUnreachable, UntrustedAnswer):
            raise
        except (RegistryError, InvalidDocument, TagOccupied) as error:
            self._warn("stored", reference, error)
            return None
        return whole

    def _use(self, plan: Plan) -> Mapping[str, str]:
        """Return what tells a cleanup that an old plan is in use: a pipeline that is run again is young."""
        now = self._clock()
        if now - datetime.fromisoformat(plan.at) < _DAY:
            return {}
        # By the day: parallel jobs write the same.
        return {LAST_USE: now.astimezone(UTC).strftime("%Y-%m-%dT23:59:59Z")}

    def _load(self, reference: Reference) -> Plan | None:
        stored = read_artifact(self._registry, reference, PLAN_TYPE)
        if stored is None:
            return None
        try:
            plan = from_json(stored.content.decode())
        except UnicodeDecodeError as error:
            raise InvalidDocument("it is not UTF-8") from error
        if plan.pipeline_tag is None or self.reference(plan.pipeline_tag) != reference:
            raise InvalidDocument(f"it is the plan of pipeline {plan.pipeline_tag!r}")
        if doubt := why_doubted(plan, self._zone):
            raise InvalidDocument(f"no pipeline here planned it: {doubt}")
        return plan

    def _occupied(self, plan: Plan) -> list[TagOccupied]:
        from hashtag.registry.bases import find

        published = self._published(plan)
        if published:
            return published
        wanted = {tag: action for action in plan if (tag := _own_tag(action)) is not None}
        held = find(self._registry, wanted)
        self.free = wanted.keys() - held.keys()
        return [
            TagOccupied(
                f"holds {descriptor.digest}, which this pipeline did not put there",
                where=str(tag),
                hint="give this pipeline a tag of its own: --pipeline-tag TAG",
            )
            for tag, descriptor in held.items()
            if not _is_it(wanted[tag], str(descriptor.digest))
        ]

    def _published(self, plan: Plan) -> list[TagOccupied]:
        """Return an error where a pipeline would take a published tag for its own."""
        assert self._repository is not None  # as for reference  # noqa: S101
        tag = str(plan.pipeline_tag)
        of_set = self._repository.tagged(TRUSTED.set_tag(tag))
        try:
            is_published = self._registry.resolve(of_set) is not None
        except AccessDenied:
            return []  # nor can its plan be stored there, of which a warning tells
        what = "is a published tag, which promote alone moves"
        hint = "give this pipeline a tag of its own: --pipeline-tag TAG"
        return [TagOccupied(what, where=str(plan.repository.tagged(tag)), hint=hint)] if is_published else []

    def _warn(self, verb: str, reference: Reference, error: HashtagError) -> None:
        if not self.warnings:
            what = "access is denied" if isinstance(error, AccessDenied) else error.what
            self.warnings.append(
                f"THE PLAN CANNOT BE {verb.upper()} under {reference}: {what}. promote, prune and other "
                "jobs cannot find it; hand it on as a file (--save FILE, --plan FILE), or name another "
                'repository: plans = "…"'
            )


def merged(before: Plan, plan: Plan) -> Plan:
    """Return a plan with what the plan before it says of other images, if both are of one commit."""
    if not agree(before, plan):
        return plan
    known = {action.name for action in before}
    if known >= {action.name for action in plan}:
        return before
    new = tuple(action for action in plan if action.name not in known)
    return evolve(before, actions=(*before.actions, *new))


def agree(before: Plan, plan: Plan) -> bool:
    """Whether two plans are of one commit, and give the images that both know the same fingerprints."""
    known, wanted = _fingerprints(before), _fingerprints(plan)
    return before.commit == plan.commit and all(
        known[name] == wanted[name] for name in known.keys() & wanted.keys()
    )


def _fingerprints(plan: Iterable[Action]) -> dict[str, str]:
    return {action.name: action.target.fingerprint for action in plan if not isinstance(action, Failed)}


def _own_tag(action: Action) -> Reference | None:
    if isinstance(action, Failed):
        return None
    tag = action.target.pipeline_reference
    return None if tag == action.target.cache_reference else tag


def _is_it(action: Action, digest: str) -> bool:
    match action:
        case Alias():
            return str(action.digest) == digest
        case Build() | Failed():
            return False


def with_pins_of(before: Plan | None, make: Callable[[KnownBases | None, datetime | None], Plan]) -> Plan:
    """
    Return a plan made with the bases and the time of the plan before, if that is of the same content.

    Decisions are made anew; for other content, so are the pins.

    Args:
        before: The plan that is stored under this pipeline's tag.
        make: Makes a plan with the bases and the time that it is given.
    """
    if before is not None:
        plan = make(known_bases(before), datetime.fromisoformat(before.at))
        if agree(before, plan):
            return plan
    return make(None, None)
