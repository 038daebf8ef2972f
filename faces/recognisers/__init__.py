"""Recognisers: what recognises faces and things in a picture, on this machine or at Amazon, and its budget."""
