"""What the lab says when it cannot go on."""


class LabError(Exception):
    """A failure that the reader can act on: the message says what happened, where, and what to do. Never shown as a traceback."""
