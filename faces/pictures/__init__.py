"""The pictures of captures: intake, storage, links, and thumbnails."""
