"""The registered templates: providers in China send nothing that they have not approved word by word."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from notifications.wording import Wording


@dataclass(frozen=True)
class Template:
    """One registered wording: its parameters, what each provider calls it, and how long it may get."""

    key: str
    parameters: tuple[str, ...]
    provider_ids: Mapping[str, str] = field(default_factory=dict)
    max_segments: int = 3


class Templates:
    """All templates of a district, by key."""

    def __init__(self, templates: Iterable[Template]) -> None:
        """Raises ValueError if a key stands twice."""
        self._by_key: dict[str, Template] = {}
        for template in templates:
            if template.key in self._by_key:
                raise ValueError(f"template {template.key} is registered twice")
            self._by_key[template.key] = template

    def __getitem__(self, key: str) -> Template:
        """Raises KeyError for a template that is not registered."""
        return self._by_key[key]

    def faults_of(self, wording: Wording) -> list[str]:
        """Return what would make a provider refuse this wording: empty if nothing."""
        template = self._by_key.get(wording.key)
        if template is None:
            return [f"{wording.key}: not registered"]
        faults = []
        if missing := set(template.parameters) - set(wording.parameters):
            faults.append(f"{wording.key}: parameters missing: {', '.join(sorted(missing))}")
        if unknown := set(wording.parameters) - set(template.parameters):
            faults.append(f"{wording.key}: parameters not registered: {', '.join(sorted(unknown))}")
        if (segments := sms_segments(wording.text)) > template.max_segments:
            faults.append(f"{wording.key}: {segments} segments, {template.max_segments} allowed")
        return faults


def sms_segments(text: str) -> int:
    """Return how many SMS a text costs: 160 GSM-7 characters or 70 UCS-2 units in one, 153 or 67 in each of many.

    A character of GSM-7's extension table counts two; a character outside the BMP (emoji) is two UCS-2 units.
    """
    if _GSM_7.fullmatch(text):
        units = len(text) + sum(character in GSM_7_EXTENSION for character in text)
        single, part = 160, 153
    else:
        units = len(text.encode("utf-16-be")) // 2
        single, part = 70, 67
    return 1 if units <= single else -(-units // part)


GSM_7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = "^{}\\[~]|€\f"
_GSM_7 = re.compile(f"[{re.escape(GSM_7_BASIC + GSM_7_EXTENSION)}]*")
