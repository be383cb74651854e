"""What starts by itself: the schedule, the sensor, its alerts."""
