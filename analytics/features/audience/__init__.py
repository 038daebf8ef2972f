"""The people who came to the displays: their visits on the pages and in the API."""
