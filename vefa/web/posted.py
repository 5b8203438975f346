"""Bodies of requests, no larger than they may be."""

from __future__ import annotations

from fastapi import HTTPException, Request


async def body_of(request: Request, most: int) -> bytes:
    """The whole body as it came; 413 as soon as it is more than `most` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise HTTPException(413, f"It is larger than {most} bytes.")
        parts.append(part)
    return b"".join(parts)
