"""Sets many sites, cameras and members up: by the API, and from a file."""
