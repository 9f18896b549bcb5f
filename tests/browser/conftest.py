"""Waiting for a page: a busy machine answers late, and a page that never comes is still seen."""

from playwright.sync_api import expect

expect.set_options(timeout=20_000)
