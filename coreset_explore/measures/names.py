"""What the numbers about a selection are called and how they are written, wherever they are shown."""

from __future__ import annotations

from dataclasses import dataclass

from coreset_explore.selection import THIN

__all__ = ["NUMBERS", "THIN", "Number"]


@dataclass(frozen=True)
class Number:
    """One number: its name in a sentence, whether less is better (None: neither), its format ("%": a share), and what
    it is to those who meet it for the first time.
    """

    name: str
    less: bool | None = None
    form: str = ".3g"
    whole: str = ""  # what an axis says, which has room for more than the name
    about: str = ""

    @property
    def title(self) -> str:
        """At the head of a column: "Gradient error"."""
        return _capital(self.name)

    @property
    def axis(self) -> str:
        """Over a figure: "Gradient error, lower is better"."""
        way = {True: ", lower is better", False: ", higher is better", None: ""}[self.less]
        return _capital(self.whole or self.name) + way

    @property
    def short(self) -> str:
        """Where there is little room: "gradient error ↓"."""
        return self.name + {True: " ↓", False: " ↑", None: ""}[self.less]

    def write(self, value: float | None) -> str:
        """The value in three digits, or whole from 1,000 on; a dash for one that was not measured."""
        if value is None:
            return "–"
        if self.form == "%":
            return f"{100 * value:.1f} %"
        plain = self.form == ".3g" and 999.5 <= abs(value) < 1e6  # 4,740 and not 4.74e+03
        return format(value, ",.0f" if plain else self.form)


# By the names they have in `runs` and in tables.
NUMBERS = {
    "mean_distance": Number(
        "mean distance",
        less=True,
        whole="mean distance to a pick",
        about="How far a row is from the nearest pick, on average.",
    ),
    "radius": Number(
        "coverage radius", less=True, about="How far from the nearest pick the row is that is covered worst."
    ),
    "gradient_error": Number(
        "gradient error",
        less=True,
        about="How far the weighted picks' gradient is from that of all rows: 0 is the same, 1 as good as no picks.",
    ),
    "effective_size": Number(
        "effective size",
        form=",.0f",
        about="How many picks of equal weight these are worth: few where some weights are far larger than others.",
    ),
    "accuracy": Number("accuracy", less=False, form="%", whole="test accuracy"),
    "budget": Number("points selected", form=",", whole="points selected (log scale)"),
}


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
