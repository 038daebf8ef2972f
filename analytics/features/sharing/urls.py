"""The addresses of shared pages."""

from django.urls import path

from analytics.features.sharing import views

urlpatterns = [
    path("shared/<slug:token>/", views.shared, name="shared"),
    path("shared/<slug:token>/plots/", views.shared_plots, name="shared-plots"),
    path("sites/<slug:slug>/settings/shared/", views.shared_pages, name="shared-pages"),
    path("sites/<slug:slug>/settings/shared/<int:pk>/revoke/", views.revoke, name="shared-page-revoke"),
]
