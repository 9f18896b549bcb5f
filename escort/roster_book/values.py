"""One cell at a time: the same readers as for the office's forms."""

from escort.typed_values import (
    FOREVER as FOREVER,
)
from escort.typed_values import (
    Cell as Cell,
)
from escort.typed_values import (
    Gender as Gender,
)
from escort.typed_values import (
    UnreadableError as UnreadableError,
)
from escort.typed_values import (
    half_width as half_width,
)
from escort.typed_values import (
    read_count as read_count,
)
from escort.typed_values import (
    read_date as read_date,
)
from escort.typed_values import (
    read_degrees as read_degrees,
)
from escort.typed_values import (
    read_gender as read_gender,
)
from escort.typed_values import (
    read_name as read_name,
)
from escort.typed_values import (
    read_phone as read_phone,
)
from escort.typed_values import (
    read_plate as read_plate,
)
from escort.typed_values import (
    read_text as read_text,
)
from escort.typed_values import (
    read_time as read_time,
)
from escort.typed_values import (
    read_yes as read_yes,
)
