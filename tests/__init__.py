import pytest

# the harness asserts for its tests
pytest.register_assert_rewrite("tests.traps")
