"""Pictures that the agent takes and sends."""
