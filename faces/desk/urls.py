"""The addresses of the pages about people."""

from django.urls import path

from faces.desk import consents_page, enrolling, own_page, people_pages, picture_pages

SITE = "sites/<slug:slug>/"

urlpatterns = [
    path(f"{SITE}people/", people_pages.people, name="site-people"),
    path(f"{SITE}people/enrol/", enrolling.enrol_person, name="site-enrol"),
    path(f"{SITE}people/consents/", consents_page.consents, name="site-consents"),
    path(f"{SITE}people/consents/link/", consents_page.give_enrolling_link, name="site-enrolling-link"),
    path(f"{SITE}people/consents/link/<int:pk>/revoke/", consents_page.revoke_link, name="site-enrolling-link-revoke"),
    path(f"{SITE}people/consents/<int:pk>/retire/", consents_page.retire, name="site-consent-text-retire"),
    path(f"{SITE}people/<int:pk>/", people_pages.person, name="site-person"),
    path(f"{SITE}people/<int:pk>/change/", people_pages.change, name="site-person-change"),
    path(f"{SITE}people/<int:pk>/withdraw/", people_pages.withdraw, name="site-person-withdraw"),
    path(f"{SITE}people/<int:pk>/link/", people_pages.give_link, name="site-person-link"),
    path(f"{SITE}people/<int:pk>/merge/", people_pages.merge, name="site-person-merge"),
    path(f"{SITE}merges/<int:pk>/undo/", people_pages.undo, name="site-merge-undo"),
    path(f"{SITE}captures/", picture_pages.captures, name="site-captures"),
    path(f"{SITE}captures/<uuid:pk>/", picture_pages.capture, name="site-capture"),
    path(f"{SITE}captures/<uuid:pk>/again/", picture_pages.recognise_anew, name="site-capture-again"),
    path(f"{SITE}coffees/", picture_pages.coffees, name="site-coffees"),
    path(f"{SITE}coffees/<int:pk>/review/", picture_pages.review_coffee, name="site-coffee-review"),
    path("faces/<int:pk>/<str:link>.jpg", picture_pages.face_image, name="face-image"),
    path("me/", own_page.enter_code, name="enter-code"),
    path("me/<str:code>/", own_page.own_page, name="own-page"),
    path("me/<str:code>/download/", own_page.download, name="own-page-download"),
    path("enrol/<str:code>/", enrolling.enrol_oneself, name="enrol-oneself"),
]
