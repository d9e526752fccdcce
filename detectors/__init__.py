"""Pure decisions: online detectors, calendars, peers, fusion and levels; no I/O, no clock."""
