"""Waivers themselves: they are of a rule that may be waived, have a date, and silence something."""
