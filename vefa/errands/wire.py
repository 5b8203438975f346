"""One try to bring an event to a tool, and what its answer means."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from vefa.channels.base import Accepted, Busy, Doubtful, Outcome, Refused
from vefa.channels.http_answers import Answer, OddAnswerError
from vefa.channels.http_connection import Connection, NotSentError
from vefa.errands.keys import Access
from vefa.errands.signing import signed

#: What is asked for longer is asked for a day.
LONGEST = 86_400.0
_BUSY = (408, 429, 503)


def post(access: Access, name: str, body: bytes, moment: datetime, timeout: float) -> Outcome:
    """Send it once; never raises for what the other side does. Nothing of an answer but its status is kept.

    Busy: surely not taken. Doubtful: perhaps. No redirect is followed, so that a body never goes where nobody sent it.
    """
    url = access.url.get_secret_value()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "vefa",
        "Connection": "close",
        **{header: value.get_secret_value() for header, value in access.headers.items()},
    }
    if access.key is not None:
        headers |= signed(access.key.get_secret_value(), name, int(moment.timestamp()), body)
    connection = Connection(url, timeout)
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        return _meaning(connection.exchange("POST", path, body, headers), moment)
    except NotSentError:
        return Busy("no connection", 0.0)
    except TimeoutError:
        return Doubtful("no answer in time")
    except OddAnswerError:
        return Doubtful("strange answer")
    except OSError:
        return Doubtful("connection lost")
    finally:
        connection.close()


def _meaning(answer: Answer, moment: datetime) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Accepted()
    if status in _BUSY:
        return Busy(f"answered {status}", _seconds(answer.headers.get("retry-after", ""), moment))
    if status < 400:
        return Refused(f"answered {status}: redirects are not followed")
    return Refused(f"answered {status}") if status < 500 else Doubtful(f"answered {status}")


def _seconds(text: str, moment: datetime) -> float:
    """What `Retry-After` asks for, in seconds or as a date; 0 where it asks for nothing that can be read."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), LONGEST)
    try:
        then = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0.0
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return min(max((then - moment).total_seconds(), 0.0), LONGEST)
