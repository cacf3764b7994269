"""What is expected, and waiting for it."""

import time

# Between two looks at what is waited for, seconds.
PAUSE = 0.25


class Failed(Exception):
    """Something is not as it must be."""


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what} is {found!r}, and must be {wanted!r}")


def wait_for(what, seconds, look):
    """What `look` returns once it is true in Python's sense; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain for {what}")
        time.sleep(PAUSE)


def say(text):
    print(f"deployment: {text}", flush=True)
