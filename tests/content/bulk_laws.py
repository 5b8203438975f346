"""The law of rendering to many, to be held against any template: in pieces as whole, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vefa.content.columns import nested
from vefa.content.messages import EmailTemplate
from vefa.content.problems import RenderError
from vefa.content.templates import RenderedBulk
from vefa.skeletons import fill

Parts = tuple[str, str, str]


def rendered_whole(
    email: EmailTemplate, subject: str, preheader: str, context: Mapping[str, object]
) -> Parts | RenderError:
    """The three parts for one recipient, or why there are none."""
    try:
        whole = email.render(subject, preheader, context)
    except RenderError as error:
        return error
    return whole.subject, whole.html, whole.text


def in_pieces(bulk: RenderedBulk, row: int) -> Parts | RenderError:
    """The same from a batch."""
    if row in bulk.faults:
        assert all(column[row] == "" for column in bulk.pieces)
        return bulk.faults[row]
    pieces = [column[row] for column in bulk.pieces]
    assert len(pieces) == bulk.skeleton.slots
    return fill(bulk.skeleton.subject, pieces), fill(bulk.skeleton.html, pieces), fill(bulk.skeleton.text, pieces)


def hold(
    email: EmailTemplate,
    subject: str,
    preheader: str,
    common: Mapping[str, object],
    columns: Mapping[str, Sequence[object]],
    count: int,
) -> RenderedBulk:
    """Render in pieces, and compare with whole rendering for every recipient."""
    bulk = email.render_bulk(subject, preheader, common, columns, count)
    ordered = sorted(columns, key=lambda name: name.count("."))
    for row in range(count):
        context = nested(common, [(name, columns[name][row]) for name in ordered])
        expected, found = rendered_whole(email, subject, preheader, context), in_pieces(bulk, row)
        if isinstance(expected, RenderError):
            assert isinstance(found, RenderError), (row, str(expected))
            assert str(found) == str(expected)
        else:
            assert found == expected, row
    return bulk
