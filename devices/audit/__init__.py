"""The audit: who changed, looked at and exported what, and who signed in. What is recorded is never changed."""
