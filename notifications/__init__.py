"""Addresses, wordings and delivery. Knows people only as opaque party ids, and nothing of children or shifts."""
