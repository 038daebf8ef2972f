"""What all parts of the REST API share, and the API of sites and devices."""
