"""Names of the networks that come with gist; what each is stands in its file."""

from typing import Literal, get_args

ShippedName = Literal["phantom-knee-64", "knee-64"]

SHIPPED: tuple[ShippedName, ...] = get_args(ShippedName)
