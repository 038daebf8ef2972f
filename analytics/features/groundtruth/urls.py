"""Addresses of ground truth."""

from django.urls import path

from analytics.features.groundtruth import views

urlpatterns = [
    path("sites/<slug:site>/devices/<slug:name>/ground-truth/", views.device, name="ground-truth-device"),
    path("ground-truth/<int:pk>/", views.session, name="ground-truth-session"),
    path("ground-truth/<int:pk>/discard/", views.discard, name="ground-truth-discard"),
]
