"""`make setup`: the virtual environment and the npm tools under .local.

`setup.py` runs with the system's python3, whatever its version, and hands over to `environment.py`, which
needs Python 3.11. Both use the standard library only, because nothing is installed yet.
"""
