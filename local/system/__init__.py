"""What the other packages need from the operating system and the terminal.

Child processes, free ports, paths of the checkout, installed programs, an event loop in a thread, progress
output, and the error whose message is printed to the user.
"""
