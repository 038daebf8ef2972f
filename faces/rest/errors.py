"""A service's refusals as error responses."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class Unavailable(APIException):
    """The recogniser is away; the response has the status 503."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


def with_field_errors(write: Callable[[], Any]) -> Any:
    """Call the service and return its result.

    Raises the `ValidationError` of the API, with the messages by field, where the service raises Django's.
    """
    try:
        return write()
    except Invalid as error:
        by_field = error.message_dict if hasattr(error, "error_dict") else {"detail": error.messages}
        raise ValidationError(by_field) from error
