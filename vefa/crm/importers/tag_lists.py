"""Tags that a file tells of customers and products: each cell is a whole list, of its own origin."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.stages import Stage
from vefa.crm.tables import products
from vefa.crm.tags import SHOP, TagList, put_product_tags, replace_tags

#: Sources that are the shop system itself, so that its webhooks take off what its export has put on.
_SHOP_SYSTEMS = frozenset({"shop", "shopify", "woocommerce"})


def put_tags(connection: Connection, stage: Stage, source: str, now: datetime, batch: int) -> None:
    """Write the lists of one batch; a tag that the origin had put on and names no longer goes away."""
    table, chosen = stage.target.table, stage.chosen
    same = table.c.outside_id == chosen.c.outside_id
    if table is products:
        same = sa.and_(same, products.c.source == source)
    query = sa.select(table.c.id, chosen.c.tags).join(chosen, same).where(chosen.c.batch == batch)
    told = {number: tuple((text or "").splitlines()) for number, text in connection.execute(query)}
    if table is products:
        put_product_tags(connection, told)
        return
    origin = SHOP if source in _SHOP_SYSTEMS else source
    replace_tags(connection, [TagList(customer, tags, now, origin) for customer, tags in told.items()])
