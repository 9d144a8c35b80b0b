"""For all tests."""

import signal

pytest_plugins = ["pytester"]

# In a shell's background job SIGINT is ignored, and children inherit that: tests of Ctrl-C would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
