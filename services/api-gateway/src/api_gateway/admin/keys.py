"""/admin/v1/keys: make, list and revoke API keys."""

# FastAPI reads the annotations of routes when they are made: no `from __future__` here.

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api_gateway.admission.key_service import DEFAULT_TENANT, KeyService
from api_gateway.stores.keys import StoredKey
from service_kit.clock import Clock
from wire.errors import NotFoundError

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class KeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=128, description="For people.")
    tenant_id: str = Field(default=DEFAULT_TENANT, max_length=64, pattern=_NAME)
    expires_in_s: int | None = Field(default=None, gt=0, le=10 * 366 * 86400)


class KeyView(BaseModel):
    """A key without its secret."""

    id: str
    tenant_id: str
    name: str
    hint: str
    created: int
    expires: int | None
    revoked: int | None


class NewKeyView(KeyView):
    """`key` is shown here and never again."""

    key: str


class KeyListing(BaseModel):
    data: list[KeyView]


def keys_router(keys: KeyService, clock: Clock) -> APIRouter:
    """The routes of keys."""
    router = APIRouter(prefix="/keys")

    @router.post("", status_code=201)
    async def create(request: KeyRequest) -> NewKeyView:
        expires_unix_s = (
            int(clock.unix_s()) + request.expires_in_s if request.expires_in_s is not None else None
        )
        issued = await keys.issue(
            tenant_id=request.tenant_id, name=request.name, expires_unix_s=expires_unix_s
        )
        return NewKeyView(**_view(issued.stored).model_dump(), key=issued.key)

    @router.get("")
    async def list_all() -> KeyListing:
        return KeyListing(data=[_view(key) for key in await keys.all()])

    @router.delete("/{key_id}")
    async def revoke(key_id: str) -> KeyView:
        stored = await keys.revoke(key_id)
        if stored is None:
            raise NotFoundError(f"No key found with id '{key_id[:100]}'.")
        return _view(stored)

    _ = create, list_all, revoke  # registered by their decorators
    return router


def _view(key: StoredKey) -> KeyView:
    return KeyView(
        id=key.key_id,
        tenant_id=key.tenant_id,
        name=key.name,
        hint=key.hint,
        created=key.created_unix_s,
        expires=key.expires_unix_s,
        revoked=key.revoked_unix_s,
    )
