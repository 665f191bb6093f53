"""Draws a plan as SVG: stages as frames, nodes as boxes, connections as arrows from above to below.

The text stands in the file as text. Colours are attributes, so that a viewer without style sheets shows them too; the
style sheet is for those who like it dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .layered_layout import layered
from .plan import Plan
from .svg_marks import FONT, NAME, SMALL, curve, escaped, label, paint, px, shortened, style, text_width, words

LINE = 15.0
PADDING, FRAME, CAPTION, MARGIN = 10.0, 8.0, 14.0, 16.0
LABEL = 16.0
"""The height that the name of a port takes beside a box."""
TIP = 8.0
"""The height of the tip of an arrow."""
BACK = 40.0
"""The width that a connection takes which goes backwards."""


class Link(NamedTuple):
    """A connection between two nodes, by their index, with its ports."""

    start: int
    output: str
    end: int
    input: str

    def at(self, side: str) -> tuple[int, str]:
        """The node and its port at one side: "out" or "in", which are the names of ports that need no name as well."""
        return (self.start, self.output) if side == "out" else (self.end, self.input)

    def is_named(self, side: str) -> bool:
        """Whether the port at this side needs its name."""
        return self.at(side)[1] != side


class Box(NamedTuple):
    """The size, text and ports of a node's box, before it has a place."""

    node: Mapping[str, Any]
    lines: list[tuple[str, float]]
    width: float
    height: float
    ends: Sequence[str]
    """What comes in and out here, and what is dropped, in words."""

    @property
    def kind(self) -> str:
        """Its class of colours."""
        return "inserted" if "inserted" in self.node else str(self.node["runner"])


class Place(NamedTuple):
    """The place of a box."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """The middle from left to right."""
        return (self.left + self.right) / 2


def svg(plan: Plan) -> str:
    """The drawing, as the text of an SVG file. Equal plans give equal text."""
    return _Drawing(plan).text()


class _Drawing:
    """Stacks the nodes that follow each other within a stage, and lays the stacks out in layers."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        names = {node["id"]: index for index, node in enumerate(plan.nodes)}
        links = [_link(each, names) for each in plan.connections if each["kind"] != "feedback"]
        self.back = [(_link(each, names), each["delay_ms"]) for each in plan.connections if each["kind"] == "feedback"]
        self.stacks = _stacks(plan, links)
        boxes = [_box(index, node, links, plan.ends_of(node)) for index, node in enumerate(plan.nodes)]
        widths = {node: max(boxes[other].width for other in stack) for stack in self.stacks for node in stack}
        self.boxes = [box._replace(width=widths[index]) for index, box in enumerate(boxes)]
        stack_of = {node: index for index, stack in enumerate(self.stacks) for node in stack}
        self.inner = [link for link in links if stack_of[link.start] == stack_of[link.end]]
        self.outer = [link for link in links if stack_of[link.start] != stack_of[link.end]]
        self.framed = len(self.stacks) > 1

        named = [any(link.is_named(side) for link in self.inner) for side in ("out", "in")]
        self.between = 22.0 + LABEL * sum(named)
        self.labels_above = {stack_of[link.end] for link in self.outer if link.is_named("in")}
        self.labels_below = {stack_of[link.start] for link in self.outer if link.is_named("out")}
        self.sizes = [self._size(index) for index in range(len(self.stacks))]
        layout = layered(self.sizes, [(stack_of[link.start], stack_of[link.end]) for link in self.outer])

        left, top = MARGIN, MARGIN + LINE + 14
        self.middles = [(middle + left, above + top) for middle, above in layout.boxes]
        self.gaps = [(above + top, below + top) for above, below in layout.gaps]
        self.lanes = [
            [(middle + left, above + top, below + top) for middle, above, below in lanes] for lanes in layout.lanes
        ]
        self.width, self.height = layout.width + 2 * MARGIN, layout.height + top + MARGIN
        self.beside = self.width - MARGIN + BACK
        """Where the first connection that goes backwards goes up, on the right of all boxes."""
        self.width += (BACK * len(self.back) + LABEL) * bool(self.back)
        self.places = self._places()
        self.ports = self._ports()

    def text(self) -> str:
        count, stages = len(self.boxes), self.plan.stages
        title = self.plan.name
        counted = f"{count} node{'s' * (count != 1)} in {stages} stage{'s' * (stages != 1)}"
        beside = MARGIN + text_width(title, NAME) + 12
        width = max(self.width, beside + text_width(counted, SMALL) + MARGIN)
        size = f'width="{px(width)}" height="{px(self.height)}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {px(width)} {px(self.height)}" {size} role="img" '
            f'font-family="{FONT}">',
            f"<title>{escaped(title)}: {counted}</title>",
            style(),
            f'<rect class="rm-panel" {paint("panel")} {size} rx="8"/>',
            words(title, MARGIN, MARGIN + 11, NAME, "text", bold=True, anchor="start"),
            words(counted, beside, MARGIN + 11, SMALL, "faint", anchor="start"),
        ]
        if self.framed:
            parts += [self._frame(index) for index in range(len(self.stacks))]
        parts += [self._arrow(link, []) for link in self.inner]
        parts += [self._arrow(link, lanes) for link, lanes in zip(self.outer, self.lanes, strict=True)]
        parts += [self._backward(link, delay, number) for number, (link, delay) in enumerate(self.back)]
        parts += [_node(box, self.places[index]) for index, box in enumerate(self.boxes)]
        parts += [part for port in sorted(self.ports) for part in self._port(*port)]
        return "\n".join([*parts, "</svg>\n"])

    def _size(self, index: int) -> tuple[float, float]:
        boxes = [self.boxes[node] for node in self.stacks[index]]
        width = boxes[0].width
        height = sum(box.height for box in boxes) + self.between * (len(boxes) - 1)
        if self.framed:
            width, height = width + 2 * FRAME + CAPTION, height + 2 * FRAME
        return width, height + LABEL * (index in self.labels_above) + LABEL * (index in self.labels_below)

    def _places(self) -> list[Place]:
        places: dict[int, Place] = {}
        for index, (stack, (middle, top)) in enumerate(zip(self.stacks, self.middles, strict=True)):
            top += LABEL * (index in self.labels_above) + FRAME * self.framed
            middle += CAPTION / 2 * self.framed
            for node in stack:
                box = self.boxes[node]
                places[node] = Place(middle - box.width / 2, top, middle + box.width / 2, top + box.height)
                top += box.height + self.between
        return [places[index] for index in range(len(places))]

    def _ports(self) -> dict[tuple[int, str, str], float]:
        """The place of each port on its side, in the order of the boxes that they are connected to."""
        far_ends: dict[tuple[int, str, str], list[float]] = {}
        for link, lanes in [*((link, []) for link in self.inner), *zip(self.outer, self.lanes, strict=True)]:
            ends = self.places[link.end], self.places[link.start]
            towards = (lanes[0][0], lanes[-1][0]) if lanes else (ends[0].middle, ends[1].middle)
            far_ends.setdefault((link.start, "out", link.output), []).append(towards[0])
            far_ends.setdefault((link.end, "in", link.input), []).append(towards[1])
        sides: dict[tuple[int, str], list[str]] = {}
        for node, side, port in far_ends:
            sides.setdefault((node, side), []).append(port)
        found: dict[tuple[int, str, str], float] = {}
        for (node, side), names in sides.items():
            means = {port: sum(far_ends[node, side, port]) / len(far_ends[node, side, port]) for port in names}
            x = self.places[node].middle - sum(map(_slot, names)) / 2
            for port in sorted(names, key=lambda port: (means[port], port)):
                found[node, side, port] = x + _slot(port) / 2
                x += _slot(port)
        return found

    def _frame(self, index: int) -> str:
        (middle, top), (width, height) = self.middles[index], self.sizes[index]
        left = middle - width / 2
        # The names of ports are outside of the box.
        above = LABEL * (index in self.labels_above)
        height -= above + LABEL * (index in self.labels_below)
        x, y = left + FRAME + 7, top + above + height / 2
        stage = self.plan.nodes[self.stacks[index][0]]["stage"]
        return (
            f'<rect class="rm-frame" {paint("frame")} x="{px(left)}" y="{px(top + above)}" width="{px(width)}" '
            f'height="{px(height)}" rx="6"/>\n'
            f'<text class="rm-faint" {paint("faint")} font-size="9.5" text-anchor="middle" '
            f'transform="translate({px(x)} {px(y)}) rotate(-90)">stage {stage}</text>'
        )

    def _arrow(self, link: Link, lanes: Sequence[tuple[float, float, float]]) -> str:
        start, end = self.ports[link.start, "out", link.output], self.ports[link.end, "in", link.input]
        top, bottom = self.places[link.start].bottom, self.places[link.end].top
        points = [(start, top)]
        if link in self.outer:
            # A link turns between two layers, where there is no box, and goes straight down elsewhere.
            points.append((start, next(above for above, _ in self.gaps if above >= top)))
            points += [point for middle, above, below in lanes for point in ((middle, above), (middle, below))]
            points.append((end, next(below for _, below in reversed(self.gaps) if below <= bottom)))
        points.append((end, bottom - TIP + 2))
        ends = f"{self.plan.nodes[link.start]['id']}.{link.output}", f"{self.plan.nodes[link.end]['id']}.{link.input}"
        return (
            f'<path class="rm-line" data-from="{escaped(ends[0])}" data-to="{escaped(ends[1])}" {paint("line")} '
            f'stroke-width="1.4" d="{curve(points)}"/>'
        )

    def _backward(self, link: Link, delay_ms: int, number: int) -> str:
        """A dashed arrow from below one box, on the right of all boxes, to above another one, with its delay."""
        start, end = self.places[link.start], self.places[link.end]
        x = self.beside + BACK * number
        # Between two layers, where there is no box. It begins and ends beside what leads forward.
        below, above = start.bottom + FRAME + 5, end.top - FRAME - 5
        left, right = start.right - 12, end.right - 12
        path = (
            f"M{px(left)} {px(start.bottom)}V{px(below - 8)}q0 8 8 8H{px(x - 8)}q8 0 8 -8V{px(above + 8)}q0 -8 -8 -8"
            f"H{px(right + 4)}q-4 0 -4 4V{px(end.top - TIP + 2)}"
        )
        ends = f"{self.plan.nodes[link.start]['id']}.{link.output}", f"{self.plan.nodes[link.end]['id']}.{link.input}"
        title = f"{ends[0]} back to {ends[1]}, {delay_ms} ms later"
        return (
            f'<g class="rm-back" data-from="{escaped(ends[0])}" data-to="{escaped(ends[1])}">\n'
            f"<title>{escaped(title)}</title>\n"
            f'<path class="rm-line" {paint("line")} stroke-width="1.4" stroke-dasharray="5 3" d="{path}"/>\n'
            f'<path class="rm-tip" {paint("tip")} d="M{px(right - 4)} {px(end.top - TIP)}h8l-4 {px(TIP)}z"/>\n'
            f"{label(f'{delay_ms} ms', x, (above + below) / 2)}\n</g>"
        )

    def _port(self, node: int, side: str, port: str) -> list[str]:
        x, place = self.ports[node, side, port], self.places[node]
        # The name is beyond the frame, if there is one.
        beyond = FRAME * any(link.at(side) == (node, port) for link in self.outer)
        parts = []
        if side == "in":
            parts.append(
                f'<path class="rm-tip" {paint("tip")} d="M{px(x - 4)} {px(place.top - TIP)}h8l-4 {px(TIP)}z"/>'
            )
        if port != side:
            y = place.bottom + beyond + LABEL / 2 if side == "out" else place.top - max(beyond, TIP) - LABEL / 2
            parts.append(label(port, x, y))
        return parts


def _link(connection: Mapping[str, Any], names: Mapping[str, int]) -> Link:
    # Ids of converters have a dot in them, ports have none.
    (start, _, output), (end, _, entry) = (connection[side].rpartition(".") for side in ("from", "to"))
    return Link(names[start], output, names[end], entry)


def _stacks(plan: Plan, links: Sequence[Link]) -> list[list[int]]:
    """The nodes of each stage, from above to below; those that form no chain each alone."""
    leaving = [[link for link in links if link.start == index] for index in range(len(plan.nodes))]
    entering = [[link for link in links if link.end == index] for index in range(len(plan.nodes))]

    def follower(index: int) -> int | None:
        if len(leaving[index]) != 1:
            return None
        end = leaving[index][0].end
        together = plan.nodes[index]["stage"] == plan.nodes[end]["stage"] and len(entering[end]) == 1
        return end if together else None

    followers = {index: follower(index) for index in range(len(plan.nodes))}
    followed = set(followers.values())
    stacks = []
    for index in range(len(plan.nodes)):
        if index not in followed:
            stack: list[int] = []
            here: int | None = index
            while here is not None:
                stack.append(here)
                here = followers[here]
            stacks.append(stack)
    return stacks


def _box(index: int, node: Mapping[str, Any], links: Sequence[Link], ends: Sequence[str]) -> Box:
    params = ", ".join(f"{name}={value!r}" for name, value in node["params"].items())
    lines = [(node["id"], NAME), (node["node_type"], SMALL)]
    lines += [(params, SMALL)] if params else []
    lines += [(f"inserted: {node['inserted']}", SMALL)] if "inserted" in node else []
    lines += [(end, SMALL) for end in ends]
    shown = [(shortened(text), size) for text, size in lines]
    outputs = {link.output for link in links if link.start == index}
    inputs = {link.input for link in links if link.end == index}
    texts = max(text_width(text, size) for text, size in shown)
    slots = max(sum(map(_slot, outputs)), sum(map(_slot, inputs)))
    width = max(96.0, texts + 2 * PADDING, slots)
    return Box(node, shown, round(width, 1), round(PADDING + LINE * len(shown) + PADDING - 4, 1), ends)


def _slot(port: str) -> float:
    """The width that a port needs at the side of its box."""
    return text_width(port, SMALL) + 14


def _node(box: Box, place: Place) -> str:
    node = box.node
    told = [f"{node['id']}: {node['node_type']}", *(f"{name} = {value!r}" for name, value in node["params"].items())]
    told += [f"stage {node['stage']}"]
    told += [f"inserted: {node['inserted']}"] if "inserted" in node else []
    told += box.ends
    dashes = ' stroke-dasharray="5 3"' if box.kind == "inserted" else ""
    corner = 13 if box.kind == "host" else 4
    parts = [
        f'<g class="rm-node" data-node="{escaped(node["id"])}" data-stage="{node["stage"]}">',
        f"<title>{escaped(chr(10).join(told))}</title>",
        f'<rect class="rm-{box.kind}" {paint(box.kind)}{dashes} stroke-width="1.3" x="{px(place.left)}" '
        f'y="{px(place.top)}" width="{px(place.right - place.left)}" height="{px(place.bottom - place.top)}" '
        f'rx="{corner}"/>',
    ]
    y = place.top + PADDING + 9
    for number, (text, size) in enumerate(box.lines):
        color = "text" if number == 0 else "faint"
        parts.append(words(text, place.middle, y, size, color, bold=number == 0))
        y += LINE
    return "\n".join([*parts, "</g>"])
