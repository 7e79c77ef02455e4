"""How the claims of an installation are made, and which are not its own. Pure; the same for notebooks and for jobs."""

from __future__ import annotations

from dataclasses import dataclass

from .launch import MountKind
from .pod_reasons import Json
from .pods import INSTANCE, ClaimNeed, Manifest, make_claim, marks, slug_label


@dataclass(frozen=True, slots=True)
class ClaimStorage:
    """What claims are made with. An empty class is the cluster's own default."""

    instance: str
    home_class: str = ""
    group_class: str = ""
    group_capacity: str = "10Gi"

    def manifest(self, need: ClaimNeed) -> Manifest:
        """The claim, which is the person's own, or of what many pods write to."""
        home = need.kind is MountKind.HOME
        return make_claim(
            need,
            storage_class=self.home_class if home else self.group_class,
            default_capacity=self.group_capacity,  # a home always says its own
            labels=marks(self.instance),
        )

    def foreign(self, need: ClaimNeed, claim: Json) -> str:
        """Whose a claim of that name is, where it is not ours to mount: a clause; else empty.

        Two installations in one namespace give their people the same names. One without labels was put there by an
        operator, for us to find.
        """
        labels = (claim.get("metadata") or {}).get("labels") or {}
        if (owner := labels.get(INSTANCE, self.instance)) != self.instance:
            return f"its claim {need.name} belongs to another installation in this namespace, {owner}"
        slug = labels.get(slug_label(need.kind), need.slug)
        if need.made_by_us and slug != need.slug:
            return f"its claim {need.name} belongs to something else, {slug}"
        return ""
