"""Ad accounts of any size for load tests: their answers are computed when they are asked for."""
