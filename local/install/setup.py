"""Finds a Python that is recent enough and runs environment.py with it. make starts this file with the
system's python3.

Uses only syntax that Python 2.7 and 3.6 accept (no annotations, no f-strings), so that an old Python can
print that it is too old.
"""

import os
import runpy
import subprocess
import sys

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def main():
    # type: () -> int
    if sys.version_info >= OLDEST:
        here = os.path.dirname(os.path.abspath(__file__))
        runpy.run_path(os.path.join(here, "environment.py"), run_name="__main__")
    for name in NEWER:
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            program = os.path.join(folder, name)
            if os.access(program, os.X_OK):
                return subprocess.call([program] + sys.argv)  # noqa: RUF005, S603
    version = ".".join(str(part) for part in sys.version_info[:3])
    sys.stderr.write("Python 3.11 or newer is needed, and python3 is " + version + ".\n")
    sys.stderr.write("Install one, or set its path: make PYTHON=/path/to/python3\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
