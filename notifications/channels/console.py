"""Printed where the server runs: for a first look, and for a machine without any provider."""

from typing import TextIO

from notifications.addresses import mask_phone
from notifications.channels import Accepted, OutgoingMessage


class Console:
    """The channel "console"."""

    needs_address = False
    is_keyed = True  # a line printed twice tells nobody anything twice
    sends_receipts = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, message: OutgoingMessage) -> Accepted:
        """Print one line; the number is masked, since consoles end in log files."""
        to = f" {mask_phone(message.to)}" if message.to else ""
        mark = "!" if message.urgent else " "
        self._stream.write(f"[{message.template}]{mark}{to} {message.text}\n")
        self._stream.flush()
        return Accepted(message.key)
