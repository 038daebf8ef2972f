"""What the agent keeps until the platform has it, and the ways it goes out."""
