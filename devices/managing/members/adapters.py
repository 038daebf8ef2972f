"""What Headcount decides about accounts where django-allauth asks: who may sign up, and how secrets are stored."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.utils import timezone

from devices.managing.members import services
from devices.storage.ciphers import cipher_for

INVITATION = "invitation"
"""The session's key of the token of the invitation that its user opened before signing in or up."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Lets only invited people make an account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        token = request.session.get(INVITATION, "")
        return services.find_invitation(token=token, now=timezone.now()) is not None

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Save the new account and accept the invitation. The address that the link was sent to counts as verified."""
        token = request.session[INVITATION]
        invitation = services.find_invitation(token=token, now=timezone.now())
        email = form.cleaned_data.get("email", "")
        if invitation is not None and email and invitation.email.casefold() == email.casefold():
            self.stash_verified_email(request, email)
        user = super().save_user(request, user, form, commit)
        services.accept(token=token, user=user, now=timezone.now())
        del request.session[INVITATION]
        return user


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Lets everybody whom the organisation's provider knows make an account; without a membership it sees nothing."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Stores the secrets of second factors encrypted, with a key made from `SECRET_KEY`."""

    def encrypt(self, text: str) -> str:
        return cipher_for("second-factors").encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return cipher_for("second-factors").decrypt(encrypted_text.encode()).decode()
