"""What vefa answers over HTTP."""
