"""Addresses of questions."""

from django.urls import path

from analytics.features.questions import views

urlpatterns = [
    path("questions/", views.questions, name="questions"),
    path("questions/<int:pk>/", views.question, name="question"),
    path("questions/<int:pk>/change/", views.change, name="question-change"),
    path("questions/<int:pk>/withdraw/", views.withdraw, name="question-withdraw"),
    path("sites/<slug:site>/questions/new/", views.ask, name="question-ask"),
]
