"""All addresses: the pages and the API of each app, the admin, sign-in, and the API's documentation."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

import analytics.urls
import devices.urls
import faces.urls
from devices.rest.base import no_such_address

router = DefaultRouter()
for app in (devices.urls, faces.urls, analytics.urls):
    for prefix, viewset, basename in app.api:
        router.register(prefix, viewset, basename)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="api-docs"),
    path("api/v1/", include(router.urls)),
    re_path(r"^api/.*/$", no_such_address),
    path("", include("devices.urls")),
    path("", include("faces.urls")),
    path("", include("analytics.urls")),
]
