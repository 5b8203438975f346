"""The pages that customers see: their look, their words, and what every one of them forbids the browser."""

from vefa.web.pages.rendering import Pages

__all__ = ["Pages"]
