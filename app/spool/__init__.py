"""The spool: a bounded file on disk in which reports wait while Supabase is unavailable.

spool      asynchronous interface: group commits, counts, the replay lock
file       the SQLite file: spooled reports and dead letters, and its successor if it is lost
database   tables, limits and checks of the SQLite file
identity   whether the files on disk are still those that are open
damage     sets a damaged file aside, copies what can be read, describes the incident
reserve    keeps room on the volume for deleting
__main__   `python -m app.spool`: lists, exports and requeues dead letters
"""
