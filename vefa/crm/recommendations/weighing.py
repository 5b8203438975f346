"""How sure it is that two products go together: the root of the log-likelihood ratio of the two by two table.

A plain count is led by whatever sells best, and lift alone by two things that were bought once, together. The
log-likelihood ratio (Dunning, "Accurate methods for the statistics of surprise and coincidence", 1993) asks how
unlikely the count would be if the two had nothing to do with each other; its root grows as a standard score does, so
that weights of several products may be added. Of the formulas that `bench/recommendations.py` compares it hits best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vefa.crm.recommendations.counting import Ints, Pairs

Floats = npt.NDArray[np.float64]
#: How strong each pair is; nothing and less is no link.
Weigh = Callable[[Pairs], Floats]

#: What fewer hold than this is no link.
LEAST = 3
#: Nor what is weaker: a twentieth of all pairs that have nothing to do with each other would be stronger by chance.
SURE = 1.96
#: So many of each product are kept.
KEPT = 15


@dataclass(frozen=True)
class Links:
    """The strongest of each product, by product and place."""

    product: Ints
    other: Ints
    place: Ints
    weight: Floats
    times: Ints

    def __len__(self) -> int:
        return len(self.product)


def surprise(pairs: Pairs) -> Floats:
    """The root of the log-likelihood ratio; 0 for what was bought together no more often than by chance."""
    both, one, two, total = (np.asarray(x, dtype=np.float64) for x in (pairs.both, pairs.one, pairs.two, pairs.total))
    cells = (both, one - both, two - both, total - one - two + both)
    ratio = sum(map(_entropy, cells)) - _entropy(one) - _entropy(total - one) - _entropy(two) - _entropy(total - two)
    ratio = ratio + _entropy(total)
    strong = np.sqrt(2 * np.maximum(ratio, 0))
    return np.where((both * total > one * two) & (strong >= SURE), strong, 0.0)


def _entropy(x: Floats) -> Floats:
    return np.asarray(x * np.log(np.maximum(x, 1)), dtype=np.float64)


def strongest(pairs: Pairs, weigh: Weigh = surprise, kept: int = KEPT) -> Links:
    """The links of each product: what enough orders hold, the strongest of them."""
    pairs = _chosen(pairs, pairs.both >= LEAST)
    weight = weigh(pairs)
    pairs, weight = _chosen(pairs, weight > 0), weight[weight > 0]
    # Of two that are as strong the smaller number comes first: the same orders always make the same links.
    order = np.lexsort((pairs.other, -weight, pairs.product))
    product = pairs.product[order]
    starts = np.flatnonzero(np.diff(product, prepend=-1))
    place = np.arange(len(product)) - np.repeat(starts, np.diff(np.append(starts, len(product)))) + 1
    top = order[place <= kept]
    return Links(pairs.product[top], pairs.other[top], place[place <= kept], weight[top], pairs.both[top])


def _chosen(pairs: Pairs, rows: npt.NDArray[np.bool_]) -> Pairs:
    product, other, both = pairs.product[rows], pairs.other[rows], pairs.both[rows]
    return Pairs(product, other, both, pairs.one[rows], pairs.two[rows], pairs.total)
