"""Values of the secrets that jobs refer to, decrypted for one start."""

from __future__ import annotations

from ..domain.jobs import JobSpec
from ..store import job_secrets, secrets
from ..store.crypto import Keyring
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork
from .job_ports import SecretValues


class StoredSecrets:
    """``SecretResolver`` over the store."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def resolve(self, spec: JobSpec, account_id: str, group_id: str) -> SecretValues:
        """See ``SecretResolver``."""
        if not spec.secrets:
            return SecretValues()
        return await self._database.read(_resolve, self._keyring, spec, account_id, group_id)


def _resolve(uow: UnitOfWork, keyring: Keyring, spec: JobSpec, account_id: str, group_id: str) -> SecretValues:
    keyring.refresh()
    values: dict[str, str] = {}
    missing = []
    for name, reference in sorted(spec.secrets.items()):
        found = job_secrets.find(uow, reference, account_id=account_id, group_id=group_id)
        value = None if found is None else secrets.secret_value(uow, keyring, found)
        if value is None:
            missing.append(f"{name} ({reference})")
        else:
            values[name] = value.get_secret_value()
    return SecretValues(values, tuple(missing))
