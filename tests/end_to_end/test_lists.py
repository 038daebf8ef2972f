"""The lists of the API whose rows belong to a device."""

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.urls import router
from devices.models import Device
from devices.rest.base import ScopedReadOnlyViewSet


def is_of_device(model: type[Model]) -> bool:
    """Whether each row of this model belongs to a device."""
    try:
        return model._meta.get_field("device").null is False
    except FieldDoesNotExist:
        return False


LISTS = {
    f"/api/v1/{prefix}/": viewset.queryset.model._meta.db_table
    for prefix, viewset, _ in router.registry
    if issubclass(viewset, ScopedReadOnlyViewSet)
    and viewset.queryset is not None
    and is_of_device(viewset.queryset.model)
}


def test_the_lists_of_facts_are_among_these() -> None:
    assert {"/api/v1/detections/", "/api/v1/visits/", "/api/v1/logs/", "/api/v1/plays/", "/api/v1/captures/"} <= set(
        LISTS
    )


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize(
    ("who", "where"), [("viewer", ""), ("superuser", "?site=seattle"), ("superuser", "?device=Seattle01")]
)
def test_a_list_names_its_devices_to_the_database_so_that_the_rows_of_others_are_not_read(
    seattle01: Device, chicago01: Device, request: pytest.FixtureRequest, address: str, who: str, where: str
) -> None:
    client = APIClient()
    client.force_authenticate(request.getfixturevalue(who))
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address + where).status_code == 200
    table = LISTS[address]
    (statement,) = [each["sql"] for each in queries if f'FROM "{table}"' in each["sql"] and "ORDER BY" in each["sql"]]
    assert f'"{table}"."device_id" IN ({seattle01.pk})' in statement
