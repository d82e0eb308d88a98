"""The base of every record that a file of a stranger fills."""

from pydantic import BaseModel, ConfigDict


class StrictRecord(BaseModel):
    """Strict, closed and frozen; the description of a field stands in the schema and on the help page.

    Descriptions are arguments, not docstrings: pydantic would parse the file again to find those (55 ms).
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
