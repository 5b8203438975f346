"""Who may come in: API keys as bearer tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from vefa.database import reading
from vefa.web.keys import ApiKey, key_of
from vefa.web.service import Service

_BEARER = HTTPBearer(auto_error=False, description="A key that `vefa keys add` has made.")
_ASK = {"WWW-Authenticate": "Bearer"}
#: Longer than any key: not worth a look into the database.
_LONGEST = 200


def needs(service: Service, scope: str) -> Callable[..., ApiKey]:
    """A dependency: the key of the request, which must have the scope. Raises HTTPException."""

    def key(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> ApiKey:
        token = given.credentials if given is not None else ""
        if not token:
            raise HTTPException(401, "A key is needed: send it as Authorization: Bearer vefa_…", _ASK)
        with reading(service.database) as connection:
            found = key_of(connection, token) if len(token) <= _LONGEST else None
        if found is None:
            raise HTTPException(401, "This key is not known, or it was revoked. vefa keys add makes a new one.", _ASK)
        if scope not in found.scopes:
            raise HTTPException(403, f'The key "{found.name}" is not for this: it lacks the scope {scope}.')
        return found

    return key
