"""The pages of contents and experiments."""
