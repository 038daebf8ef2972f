"""The versions of the agent that the platform offers to boxes, and which box shall install which when."""
