"""The description of the machine's side, as a plain page: no script, nothing from elsewhere."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from escort.web.policy import public

router = APIRouter(include_in_schema=False)

PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>杜鹃鸟 API</title>'
    '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/tokens.css"></head>'
    '<body><main class="card-body stack"><h1>杜鹃鸟 API</h1><p>{description} '
    '<a href="/api/openapi.json">openapi.json</a></p>{operations}</main></body></html>'
)
OPERATION = Markup(
    "<section><h2><code>{method} {path}</code></h2><p>{words}</p><p>Answers: {answers}</p></section>"
)


@router.get("/api/docs", dependencies=[public("the description of the interface; no data")])
def show(request: Request) -> HTMLResponse:
    """List every operation of the OpenAPI description."""
    schema = request.app.openapi()
    operations = Markup("").join(
        OPERATION.format(
            method=method.upper(),
            path=path,
            words=operation.get("description", ""),
            answers=", ".join(operation.get("responses", {})),
        )
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    )
    return HTMLResponse(PAGE.format(description=schema["info"]["description"], operations=operations))
