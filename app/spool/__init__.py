"""The spool: a bounded file on disk in which reports wait while Supabase is unavailable.

spool   asynchronous interface: group commits, counts, the replay lock
file    the SQLite file: spooled reports and dead letters
"""
