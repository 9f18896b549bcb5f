"""Every error that a reader can be shown.

    DujuanError
    ├── NotFound            404  the thing is not there, or not yours to see
    ├── NotAllowed          403  you may not do this
    │   └── SecondFactorNeeded   set up the second factor first
    ├── SignInNeeded        401  say who you are first
    ├── Conflict            409  somebody was first, or the state has moved on
    ├── Refused             400  the request is understood and cannot be carried out
    ├── TooMany             429  slow down
    └── NotConfigured       (at start) a setting is missing or wrong

Each carries one plain sentence: what happened, and what to do next.
"""


class DujuanError(Exception):
    """The root: a status and one sentence for the reader."""

    status = 500

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(DujuanError):
    status = 404


class NotAllowed(DujuanError):
    status = 403


class SecondFactorNeeded(NotAllowed):
    """The account may come no further than the page on which its second factor is set up."""


class SignInNeeded(DujuanError):
    status = 401


class Conflict(DujuanError):
    status = 409


class Refused(DujuanError):
    status = 400


class TooMany(DujuanError):
    status = 429


class NotConfigured(DujuanError):
    """Raised at start-up; the command line prints the sentence and stops."""
