"""Automation: the schedule, the sensor and its alerts."""
