"""The pictures of captures: how they come in, where they lie, who may open them, when they go."""
