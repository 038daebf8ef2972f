"""One room for each feature, with its reads, writes, pages and API."""
