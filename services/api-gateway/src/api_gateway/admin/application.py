"""The admin API: FastAPI behind the admin key, errors in the same envelope as everywhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from api_gateway.admin.access import AdminAccess
from api_gateway.admin.keys import keys_router
from service_kit.http import retry_headers
from service_kit.logging import get_logger
from wire.errors import (
    CallerError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PlatformError,
    PlatformFaultError,
)
from wire.ids import new_request_id

if TYPE_CHECKING:
    from api_gateway.admission.key_service import KeyService
    from service_kit.clock import Clock
    from service_kit.http import ASGIApp

log = get_logger(__name__)


def create_admin_app(admin_key: str | None, keys: KeyService, clock: Clock) -> ASGIApp:
    """Without an admin key it refuses everybody."""
    admin = APIRouter(prefix="/admin/v1", dependencies=[Depends(AdminAccess(admin_key))])
    admin.include_router(keys_router(keys, clock))
    app = FastAPI(
        title="Conclave admin API", docs_url=None, redoc_url=None, openapi_url="/admin/openapi.json"
    )
    app.include_router(admin)
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    for status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.add_exception_handler(status, _http_error)
    app.add_exception_handler(Exception, _fault)
    return cast("ASGIApp", app)


async def _platform_error(_request: Request, error: Exception) -> JSONResponse:
    return _envelope(cast("PlatformError", error))


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """The first thing pydantic found; never the value, which may be a secret."""
    problem: dict[str, Any] = cast("RequestValidationError", error).errors()[0]
    place = ".".join(str(step) for step in problem["loc"] if step != "body")
    return _envelope(InvalidRequestError(f"{place}: {problem['msg']}", param=place or None))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    status = cast("HTTPException", error).status_code
    text = f"Invalid URL ({request.method} {request.url.path[:200]})"
    match status:
        case HTTPStatus.NOT_FOUND:
            return _envelope(NotFoundError(text))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return _envelope(MethodNotAllowedError(text))
        case _:
            return _envelope(CallerError("The request cannot be read."))


async def _fault(request: Request, error: Exception) -> JSONResponse:
    log.error("admin_request_crashed", error=error, method=request.method)
    return _envelope(PlatformFaultError("The server had an error."))


def _envelope(error: PlatformError) -> JSONResponse:
    info = error.info()
    headers = {name.decode(): value.decode() for name, value in retry_headers(info)}
    body = {
        "error": {
            "message": info.message,
            "type": info.type,
            "param": info.param,
            "code": info.code,
        }
    }
    return JSONResponse(
        body, status_code=info.status, headers={**headers, "x-request-id": new_request_id()}
    )
