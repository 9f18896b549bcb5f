"""Files that a page hands out: named as the office would name them, never shown in the browser."""

from urllib.parse import quote

from fastapi.responses import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def xlsx(content: bytes, name: str) -> Response:
    """Return a workbook to be saved as `name`.xlsx."""
    saved = quote(f"{name}.xlsx")
    return Response(
        content, media_type=XLSX, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{saved}"}
    )
