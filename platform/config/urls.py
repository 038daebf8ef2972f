"""All addresses: the pages and the API of each app, the admin, sign-in, and the API's documentation."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path
from django_q.models import Failure, OrmQ, Schedule, Success
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

import analytics.urls
import devices.urls
import faces.urls
import learning.urls
import notifications.urls
import plays.urls
from devices.admin import may_open_admin
from devices.rest.base import no_such_address

# A schedule runs any function, so whoever may edit one in the admin has a shell on the server.
# The queue is not registered where it is in Redis.
admin.site.unregister([model for model in (Failure, OrmQ, Schedule, Success) if admin.site.is_registered(model)])
# The admin's own form would ask for no second factor, and count no failed attempts.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

router = DefaultRouter()
for app in (devices.urls, faces.urls, analytics.urls, learning.urls, notifications.urls, plays.urls):
    for prefix, viewset, basename in app.api:
        router.register(prefix, viewset, basename)

# Roles decide who may open the admin, as they do on pages.
admin.site.has_permission = may_open_admin  # type: ignore[method-assign]

handler404 = "devices.pages.errors.not_found"
handler500 = "devices.pages.errors.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="api-docs"),
    path("api/v1/", include(router.urls)),
    re_path(r"^api(?:/[\s\S]*)?\Z", no_such_address),
    path("", include("devices.urls")),
    path("", include("faces.urls")),
    path("", include("analytics.urls")),
    path("", include("learning.urls")),
    path("", include("notifications.urls")),
    path("", include("plays.urls")),
]
