"""Every table of the store, imported in one place: what `SQLModel.metadata` must know."""

import importlib

ROOMS = (
    "escort.access",
    "escort.cases",
    "escort.families",
    "escort.journeys",
    "escort.roster",
    "escort.roster_book",
    "escort.rota",
    "escort.schools",
    "escort.upkeep",
    "escort.demo",
    "notifications",
)

for _room in ROOMS:
    importlib.import_module(f"{_room}.models")
importlib.import_module("escort.job_leases")
importlib.import_module("escort.revision")
