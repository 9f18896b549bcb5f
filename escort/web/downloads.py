"""Files that a page hands out: named as the office would name them, signed, never shown in the browser."""

from datetime import datetime
from urllib.parse import quote

from fastapi.responses import Response

from escort.web.deps import Coordinator, House

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def xlsx(content: bytes, name: str) -> Response:
    """Return a workbook to be saved as `name`.xlsx."""
    saved = quote(f"{name}.xlsx")
    return Response(
        content, media_type=XLSX, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{saved}"}
    )


def footer(me: Coordinator, house: House, now: datetime) -> str:
    """Return who took a file out, and when: printed at the foot of every page."""
    return f"{me.name} {now.astimezone(house.zone):%Y-%m-%d %H:%M} 导出，含个人信息，请勿外传"
