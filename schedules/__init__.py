"""Medicine and calendars, pure: given the facts and a day, what should be so.

Nothing in this package reads a clock, a file of the machine, a network or a database; the only data it opens
is its own library (protocols, ladders, analytes).
"""
