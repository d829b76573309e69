"""Units: words that may stand after a number, or before it, without being part of its value.

A list, and not a rule: any other word may change the value (3 million, 5 dozen, 12 or 8). Units are
compared by name and never converted: 1 m is not an answer if 100 cm is expected.
"""

import re

from .spellings import CURRENCIES

_NAMES = {
    # length, area, volume
    "mm": "millimeter millimetre 毫米", "cm": "centimeter centimetre 厘米",
    "dm": "decimeter decimetre 分米", "m": "meter metre 米",
    "km": "kilometer kilometre 千米 公里", "in": "inch inches", "ft": "foot feet", "yd": "yard",
    "mi": "mile", "unit": "units", "acre": "", "hectare": "ha", "L": "l liter litre 升",
    "mL": "ml milliliter millilitre 毫升", "gallon": "gal", "quart": "qt", "pint": "pt",
    "cup": "", "tablespoon": "tbsp", "teaspoon": "tsp",
    # time
    "s": "sec second 秒", "ms": "millisecond", "min": "minute 分钟", "h": "hr hrs hour 小时",
    "day": "天", "week": "周", "month": "个月 月", "year": "yr yrs 年 岁",
    # mass, force, energy and what follows from them
    "mg": "milligram", "g": "gram 克", "kg": "kilogram 千克 公斤", "t": "ton tonne 吨",
    "lb": "lbs pound", "oz": "ounce", "N": "newton", "J": "joule", "kJ": "kilojoule", "W": "watt",
    "kW": "kilowatt", "V": "volt", "A": "ampere amp", "Hz": "hertz", "Pa": "pascal",
    "K": "kelvin", "C": "celsius", "F": "fahrenheit", "cal": "calorie", "mol": "mole",
    # angle
    "degree": "deg 度", "radian": "rad",
    # money
    "dollar": "$ usd", "cent": "", "euro": "€ eur", "pound sterling": "£ gbp", "yuan": "¥ rmb 元",
    # what is counted
    "person": "people 人", "student": "", "child": "children", "man": "men", "woman": "women",
    "boy": "", "girl": "", "player": "", "member": "", "team": "", "game": "", "point": "pts",
    "way": "", "time": "", "step": "", "side": "", "apple": "", "orange": "", "banana": "",
    "egg": "", "cookie": "", "candy": "candies", "marble": "", "ball": "", "coin": "", "card": "",
    "book": "", "page": "", "ticket": "", "car": "", "tree": "", "flower": "", "animal": "",
    "dog": "", "cat": "", "bird": "", "fish": "", "house": "", "room": "", "box": "boxes",
    "bag": "", "bottle": "", "piece": "个", "tile": "", "square": "", "cube": "", "triangle": "",
    "number": "", "integer": "", "digit": "", "word": "", "letter": "", "solution": "",
}  # fmt: skip
"""Each unit's one name, and others for it; a plural in -s is understood."""
_RAISED = {"mm", "cm", "dm", "m", "km", "in", "ft", "yd", "mi", "unit", "s"}
"""Units that may be squared or cubed."""

_UNITS = {
    name: unit
    for unit, others in _NAMES.items()
    for other in (unit, *others.split())
    for name in ({other} if len(other) < 3 else {other, other + "s"})
} | {
    "pound sterling": "pound sterling", "pounds sterling": "pound sterling", "years old": "year",
    "year old": "year", "US dollars": "dollar",
}  # fmt: skip
_DIGITS = {"²": "2", "³": "3"}
_POWERS = {
    "square": "^2", "sq": "^2", "sq.": "^2", "平方": "^2", "cubic": "^3", "cu": "^3", "cu.": "^3",
    "立方": "^3",
}  # fmt: skip
_SHAPE = re.compile(
    r"(?:(square |sq\.? |cubic |cu\.? |平方|立方))?([^/^]*[^/^ ])(?:\^?([23²³]))?\Z"
)


def plain_unit(text: str) -> str | None:
    """The one name of a unit such as "cm", "square feet", "m/s^2", "miles per hour"; or None."""
    text = " ".join(text.split()).removesuffix(".")
    if text == "mph":
        return "mi/h"
    parts = re.split(r" ?/ ?| per ", text)
    if not 1 <= len(parts) <= 2:
        return None
    named = [_one(part) for part in parts]
    return None if None in named else "/".join(filter(None, named))


def to_power(unit: str, power: str) -> str | None:
    """A unit to a power, "m/s" as "m/s^2"; None for a unit without powers."""
    last = unit.rpartition("/")[2]
    return f"{unit}^{power}" if last in _RAISED and power in ("2", "3") else None


def currency(sign: str) -> str | None:
    """The unit that a sign before a number means: "$" is "dollar"."""
    return _UNITS.get(sign) if sign in CURRENCIES else None


def _one(text: str) -> str | None:
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    power, name, digit = (found[1] or "").strip(), found[2].strip().removesuffix("."), found[3]
    if power and digit:
        return None
    unit = _UNITS.get(name)
    if unit is None and len(name) > 2:
        unit = _UNITS.get(name.lower())
    if unit is None and name in ("degrees C", "degrees Celsius"):
        unit = "C"
    if unit is None or ((power or digit) and unit not in _RAISED):
        return None
    return unit + (_POWERS[power] if power else f"^{_DIGITS.get(digit, digit)}" if digit else "")
