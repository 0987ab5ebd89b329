"""What stands around both halves: the values' range, their size, the output's curve."""

from __future__ import annotations

from aecore.inspection.understanding.choice import CURVES, ENDS, Choice, Draft, every_place


def entry(found: Draft, choice: Choice, shape: tuple[int, ...], ranges: dict) -> list[str]:
    """Lines before the encoder: the range that it was trained on, and its size."""
    # Another size is reached before the range: a border is black in the data.
    lines = _fitting(found, choice, shape, back=False)
    factor, shift = ranges[choice.given]
    if (factor, shift) != (1.0, 0.0):
        lines.append(f"Scale({factor!r}, {shift!r})")
    if found.flat and len(shape) > 1:
        lines.append("Flatten()")
    return lines


def exit_lines(found: Draft, choice: Choice, shape: tuple[int, ...], ranges: dict) -> list[str]:
    """Lines after the decoder's last layer: its curve, its size, and back to the data's range."""
    curve = ENDS.get(choice.output) or CURVES[choice.output]
    lines = [curve] if curve else []
    if len(shape) == 3 and found.side and ends_flat(found):
        side = found.side_out or found.side
        lines.append(f"Unflatten({shape[0]}, {side}, {side})")
    lines += _fitting(found, choice, shape, back=True)
    factor, shift = ranges[choice.target]
    if (factor, shift) != (1.0, 0.0):
        lines.append(f"Scale({1 / factor!r}, {-shift / factor!r})")
    return lines


def ends_flat(found: Draft) -> bool:
    """Whether the decoder ends in a row of values, not in maps."""
    weighted = ("Linear", "Conv")
    last = [x.line for x in every_place(found.decoder) if x.line.startswith(weighted)][-1]
    return last.startswith("Linear")


def _fitting(found: Draft, choice: Choice, shape: tuple[int, ...], back: bool) -> list[str]:
    side = (found.side_out or found.side) if back else found.side
    if len(shape) != 3 or side in (0, shape[1]):
        return []
    more = side - shape[1]
    if choice.fit == "crop" and back and more > 0:
        return [f"Crop(0, 0, {shape[1]}, {shape[2]})"]
    if choice.fit in ("pad", "crop") and more % 2 == 0:
        return [f"Pad({-more // 2})" if back else f"Pad({more // 2})"]
    sides = (shape[1], shape[2]) if back else (side, side)
    return [f"Resize({sides[0]}, {sides[1]})"]
