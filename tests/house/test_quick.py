"""The rule that finds the quick tests, and its enforcement."""

import pytest

from tests import quick


@pytest.mark.parametrize(
    "module", ["tests.programs.brokers", "tests.devices.mqtt.test_ingest", "tests.end_to_end.test_pages"]
)
def test_a_module_that_imports_what_starts_programs_or_browsers_is_not_quick(module: str) -> None:
    assert quick.reaches_outside(module)


@pytest.mark.parametrize("module", ["tests.analytics.plots.test_time_series", "tests.devices.rest.test_api"])
def test_a_module_that_needs_python_and_the_database_alone_is_quick(module: str) -> None:
    assert not quick.reaches_outside(module)


def test_a_test_that_needs_the_vision_models_is_not_quick(request: pytest.FixtureRequest, models: object) -> None:
    assert request.node.get_closest_marker("quick") is None


def test_a_quick_test_that_starts_a_program_fails(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("quick")
    with pytest.raises(pytest.fail.Exception, match="A quick test starts a program"):
        __import__("subprocess").run(["true"])
