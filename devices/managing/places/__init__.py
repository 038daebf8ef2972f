"""The devices of a site and their places: the list, what a device looks for, and each change of a place."""
