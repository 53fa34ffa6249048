"""Emulator of pg_net 0.20: the extension's SQL, the HTTP transfers (libcurl, by pycurl), and the worker."""
