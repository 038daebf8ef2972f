"""The demo's programs: what they need, how they are started, watched and ended."""
