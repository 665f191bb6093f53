"""Lays out a directed graph without cycles in layers, after Sugiyama, Tagawa and Toda (1981).

Each box lies in a layer below all boxes that lead to it (longest paths). A link that passes a layer gets a lane through
it, which is placed like a box. Barycentres order the layers, so that few links cross; then each layer is moved as close
to its neighbours as the distances allow. It knows sizes alone: nothing of nodes, text or SVG. Equal graphs lie equally.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

ORDERINGS = 12
"""Sweeps that order the layers. Few graphs change after half as many."""
PLACEMENTS = 12
"""Sweeps that place the boxes within the layers."""
SIDEWAYS = 28.0
"""The least distance between two boxes of a layer."""
LANE = 12.0
"""The width of a lane."""
DOWNWARDS = 36.0
"""The least distance between two layers; it grows with how far the links between them go sideways."""


class Layout(NamedTuple):
    """The places of boxes and links. Coordinates grow to the right and downwards, from 0.

    `boxes` holds the middle and the top of each box. `lanes` holds for each link its lanes from above to below: the
    middle, the top and the bottom. Between two layers are `gaps`: where one ends, and where the next begins.
    """

    boxes: list[tuple[float, float]]
    lanes: list[list[tuple[float, float, float]]]
    gaps: list[tuple[float, float]]
    width: float
    height: float


def layered(sizes: Sequence[tuple[float, float]], links: Sequence[tuple[int, int]]) -> Layout:
    """Places boxes of these widths and heights. `links` are pairs of indices, from box to box, without a cycle."""
    ranks = _ranks(len(sizes), links)
    chains, layers, widths = _with_lanes(sizes, links, ranks)
    above: list[list[int]] = [[] for _ in widths]
    below: list[list[int]] = [[] for _ in widths]
    for chain in chains:
        for upper, lower in pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    layers = _ordered(layers, above, below)
    middles = _placed(layers, above, below, widths)
    left = min(middle - width / 2 for middle, width in zip(middles, widths, strict=True))
    middles = [round(middle - left, 1) for middle in middles]

    bands: list[tuple[float, float]] = []
    top = 0.0
    for layer in layers:
        bottom = top + max((sizes[each][1] for each in layer if each < len(sizes)), default=0.0)
        bands.append((top, bottom))
        far = max((abs(middles[each] - middles[other]) for each in layer for other in below[each]), default=0.0)
        top = bottom + DOWNWARDS + min(60.0, round(far / 8))
    return Layout(
        boxes=[(middles[box], bands[ranks[box]][0]) for box in range(len(sizes))],
        lanes=[
            [(middles[lane], *bands[ranks[chain[0]] + step]) for step, lane in enumerate(chain[1:-1], 1)]
            for chain in chains
        ],
        gaps=[(upper[1], lower[0]) for upper, lower in pairwise(bands)],
        width=max(middle + width / 2 for middle, width in zip(middles, widths, strict=True)),
        height=bands[-1][1],
    )


def _ranks(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box."""
    followers: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for upper, lower in links:
        followers[upper].append(lower)
        waiting[lower] += 1
    order = [box for box in range(count) if not waiting[box]]
    sources = list(order)
    ranks = [0] * count
    for box in order:
        for follower in followers[box]:
            ranks[follower] = max(ranks[follower], ranks[box] + 1)
            waiting[follower] -= 1
            if not waiting[follower]:
                order.append(follower)
    # A box that no link leads to is placed directly above the box that it leads to.
    for box in sources:
        if followers[box]:
            ranks[box] = min(ranks[follower] for follower in followers[box]) - 1
    return ranks


def _with_lanes(
    sizes: Sequence[tuple[float, float]], links: Sequence[tuple[int, int]], ranks: Sequence[int]
) -> tuple[list[list[int]], list[list[int]], list[float]]:
    """Each link as a chain of one entry a layer, the entries of each layer, and the width of each entry.

    Entries are the boxes by their index, then the lanes.
    """
    widths = [width for width, _ in sizes]
    layers: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for box, rank in enumerate(ranks):
        layers[rank].append(box)
    chains = []
    for upper, lower in links:
        chain = [upper]
        for rank in range(ranks[upper] + 1, ranks[lower]):
            chain.append(len(widths))
            layers[rank].append(len(widths))
            widths.append(LANE)
        chains.append([*chain, lower])
    return chains, layers, widths


def _ordered(layers: list[list[int]], above: Sequence[list[int]], below: Sequence[list[int]]) -> list[list[int]]:
    """The layers in the order with the fewest crossings that the sweeps find."""
    best, fewest = layers, _crossings(layers, below)
    for sweep in range(ORDERINGS):
        if fewest == 0:
            break
        neighbours = below if sweep % 2 else above
        layers = [list(layer) for layer in layers]
        for layer in reversed(layers) if sweep % 2 else layers:
            positions = {each: index for line in layers for index, each in enumerate(line)}
            layer.sort(key=lambda each: _mean((positions[other] for other in neighbours[each]), positions[each]))
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    """How many pairs of links cross each other."""
    crossings = 0
    for upper, lower in pairwise(layers):
        positions = {each: index for index, each in enumerate(lower)}
        passed: list[int] = []
        for each in upper:
            ends = sorted(positions[other] for other in below[each])
            crossings += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return crossings


def _placed(
    layers: Sequence[Sequence[int]],
    above: Sequence[Sequence[int]],
    below: Sequence[Sequence[int]],
    widths: Sequence[float],
) -> list[float]:
    """The middle of each entry."""
    middles = [0.0] * len(widths)
    for layer in layers:
        _settle(layer, [0.0] * len(layer), widths, middles)
    for sweep in range(PLACEMENTS):
        last = sweep >= PLACEMENTS - 2
        for layer in reversed(layers) if sweep % 2 else layers:
            wishes = []
            for each in layer:
                neighbours = [*above[each], *below[each]] if last else below[each] if sweep % 2 else above[each]
                wishes.append(_mean((middles[other] for other in neighbours), middles[each]))
            _settle(layer, wishes, widths, middles)
    return middles


def _settle(layer: Sequence[int], wishes: Sequence[float], widths: Sequence[float], middles: list[float]) -> None:
    """Moves the entries of a layer as close to their wishes, in least squares, as their distances allow.

    Without the distances this is regression by a rising sequence, which pooling adjacent violators solves exactly.
    """
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + SIDEWAYS)
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    settled = (total / count for total, count in pools for _ in range(count))
    for each, middle, offset in zip(layer, settled, offsets, strict=True):
        middles[each] = middle + offset


def _mean(values: Iterable[float], otherwise: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else otherwise
