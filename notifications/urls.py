"""The addresses of the pages and of the API of notices."""

from typing import Any

from django.urls import path

from notifications.pages import letters, views
from notifications.rest.letters import LetterViewSet, ReaderViewSet
from notifications.rest.views import ChannelViewSet, NoticeViewSet, RuleViewSet

api: list[tuple[str, Any, str]] = [
    ("channels", ChannelViewSet, "channel"),
    ("notice-rules", RuleViewSet, "notice-rule"),
    ("notices", NoticeViewSet, "notice"),
    ("letters", LetterViewSet, "letter"),
    ("letter-readers", ReaderViewSet, "letter-reader"),
]
urlpatterns: list[Any] = [
    path("sites/<slug:slug>/notices/", views.site_notices, name="site-notices"),
    path("sites/<slug:slug>/notices/rules/new/", views.new_rule, name="site-rule-new"),
    path("sites/<slug:slug>/notices/rules/<int:pk>/", views.change_rule, name="site-rule"),
    path("sites/<slug:slug>/notices/rules/<int:pk>/delete/", views.delete_rule, name="site-rule-delete"),
    path("sites/<slug:slug>/notices/rules/<int:pk>/snooze/", views.snooze_rule, name="site-rule-snooze"),
    path("sites/<slug:slug>/notices/channels/new/", views.new_channel, name="site-channel-new"),
    path("sites/<slug:slug>/notices/channels/<int:pk>/test/", views.test_channel, name="site-channel-test"),
    path("sites/<slug:slug>/notices/channels/<int:pk>/delete/", views.delete_channel, name="site-channel-delete"),
    path("sites/<slug:slug>/notices/<uuid:pk>/again/", views.send_again, name="site-notice-again"),
    path("sites/<slug:slug>/notices/<uuid:pk>/acknowledge/", views.acknowledge_notice, name="site-notice-acknowledge"),
    path("sites/<slug:slug>/notices/<uuid:pk>/decide/", views.decide_notice, name="site-notice-decide"),
    path("notices/acknowledge/<str:token>/", views.acknowledge, name="acknowledge"),
    path("notices/picture/<str:token>/", views.told_picture, name="told-picture"),
    path("inbox/", views.inbox, name="inbox"),
    path("letters/", letters.all_letters, name="letters"),
    path("letters/unsubscribe/<str:token>/", letters.unsubscribe, name="letter-unsubscribe"),
    path("letters/open/<str:token>/", letters.open_letter, name="letter-open"),
    path("letters/<str:unit>/<str:first>/", letters.letter_of_all, name="letter-of-all"),
    path("sites/<slug:slug>/letters/", letters.site_letters, name="site-letters"),
    path("sites/<slug:slug>/letters/<int:pk>/", letters.site_letter, name="site-letter"),
    path("sites/<slug:slug>/letters/subscribe/", letters.subscribe, name="site-letter-subscribe"),
    path("sites/<slug:slug>/letters/readers/new/", letters.add_reader, name="site-letter-reader-new"),
    path("sites/<slug:slug>/letters/readers/<int:pk>/delete/", letters.delete_reader, name="site-letter-reader-delete"),
]
