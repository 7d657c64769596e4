"""The Curves tab: gradient error and accuracy against the budget, with a cursor at the slider, and a table below.

One plotly FigureWidget with two subplots, made when the tab first opens and edited in place from then on: each new
FigureWidget would send plotly's five megabytes again.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

import ipywidgets as w

from coreset_explore import palette
from widgets.session import Result, Run, Session

RAIL = 248
MARGIN = {"l": 58, "r": 14, "t": 40, "b": 48}
HEIGHT = 372
PLAIN = {
    "gradient_error": "Gradient error, lower is better",
    "mean_distance": "Mean distance to a pick, lower is better",
}


def warm() -> None:
    """Import plotly's widget class ahead of time (about two seconds): meant for a thread while nobody waits."""
    from plotly.graph_objs._figurewidget import FigureWidget  # noqa: F401


def curves_panel(session: Session) -> w.Widget:
    """The tab's widget; it redraws on a new result, new accuracies, theme or width, and moves the cursor with `j`."""
    import plotly.graph_objects as go

    figure = go.FigureWidget(layout=_layout(session, "gradient_error"))
    figure._config = {"displayModeBar": False, "responsive": False}
    caption, table = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-curves-table")
    plot = w.Box([figure]).add_class("cx-curves-plot")
    box = w.VBox([plot, caption, table]).add_class("cx-curves")

    def draw(_=None) -> None:
        result = session.result
        if result is None:
            return
        measure = error_measure(result)
        with figure.batch_update():
            figure.data = ()
            figure.add_traces(traces(result, measure, session.theme == "dark", session.trained))
            figure.layout = _layout(session, measure)
        words()

    def words() -> None:
        caption.value = f"<p>{html.escape(describe(session))}</p>"
        table.value = table_html(session)

    def cursor(_=None) -> None:
        if session.result is None or session.tab != "curves":
            return
        with figure.batch_update():
            figure.layout.shapes = _cursor(session)
        words()

    session.observe(draw, ["result", "theme", "width", "trained"])
    session.observe(words, "probe_note")
    session.observe(cursor, ["j", "tab"])
    draw()
    return box


def error_measure(result: Result) -> str:
    """Gradient error where the pool has gradients, else the mean distance to the nearest pick."""
    errors = result.random.numbers.get("gradient_error") or [None]
    return "gradient_error" if any(e is not None for e in errors) else "mean_distance"


def shown_runs(result: Result) -> dict[str, Run]:
    """The chosen runs, and random beside them whether chosen or not."""
    runs = dict(result.runs)
    if not any(r is result.random for r in runs.values()):
        runs["Random (not chosen)" if "Random" in runs else "Random"] = result.random
    return runs


def traces(result: Result, measure: str, dark: bool, trained=None) -> list[dict]:
    """Plotly traces as plain dictionaries: one error line, one accuracy line and one band a method."""
    runs = shown_runs(result)
    styles = palette.method_styles(list(runs), dark)
    found = []
    for name, run in runs.items():
        style = styles[name]
        look = {
            "line": {"color": style.color, "dash": style.dash, "width": 2},
            "marker": {"color": style.color, "symbol": style.marker, "size": 7},
            "mode": "lines+markers",
            "type": "scatter",
            "name": name,
            "showlegend": False,
        }
        pairs = [
            (b, e)
            for b, e in zip(result.budgets, run.numbers.get(measure, []), strict=False)
            if e is not None and e > 0
        ]
        found.append(
            {**look, "x": [b for b, _ in pairs], "y": [e for _, e in pairs], "xaxis": "x", "yaxis": "y"}
        )
        found += _accuracy_traces(accuracies(name, run, trained), look, style.color)
    return found


def _accuracy_traces(rows: list[tuple[int, float, float]], look: dict, color: str) -> list[dict]:
    if not rows:
        return []
    x, mean, sd = ([row[i] for row in rows] for i in range(3))
    red, green, blue = (round(255 * part) for part in palette.rgb(color))
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [
            *(m + s for m, s in zip(mean, sd, strict=True)),
            *reversed([m - s for m, s in zip(mean, sd, strict=True)]),
        ],
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},.16)",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    line = {**look, "x": x, "y": mean, "error_y": {"visible": False}}
    return [{**t, "xaxis": "x2", "yaxis": "y2"} for t in (band, line)]


def accuracies(name: str, run: Run, trained=None) -> list[tuple[int, float, float]]:
    """(budget, mean, standard deviation over seeds) from the trained models if there are any, else from the probes."""
    frame = run.accuracy
    if trained is not None and (trained["method"] == name).any():
        frame = trained[trained["method"] == name]
    if frame is None or len(frame) == 0:
        return []
    rows = frame.groupby("budget")["accuracy"].agg(["mean", "std"]).fillna(0.0)
    return [(int(b), float(m), float(s)) for b, m, s in rows.itertuples()]


def _cursor(session: Session) -> list[dict]:
    color = palette.ink("text", session.theme == "dark")
    line = {"type": "line", "x0": session.budget, "x1": session.budget, "y0": 0, "y1": 1}
    look = {"color": color, "width": 1, "dash": "3px,3px"}
    return [{**line, "xref": x, "yref": f"{y} domain", "line": look} for x, y in (("x", "y"), ("x2", "y2"))]


def plot_width(session: Session) -> int:
    """Pixels the figure may take: the panel less rail and padding; plotly cannot find this out by itself."""
    narrow = session.width <= 800
    return max(300, session.width - (34 if narrow else RAIL + 36))


def _layout(session: Session, measure: str) -> dict:
    dark = session.theme == "dark"
    text, grid = palette.ink("text", dark), palette.ink("grid", dark)
    width = plot_width(session)
    stacked = width < 640
    budgets = session.result.budgets if session.result else (10, 100)
    ticks = [t for t in _one_two_five(budgets[0], budgets[-1])]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": False,
    }
    x = {
        **axis,
        "type": "log",
        "tickvals": ticks,
        "ticktext": [f"{t:,}" for t in ticks],
        "title": {"text": "Points selected (log scale)", "standoff": 8},
    }
    left, right = ((0, 1), (0, 1)) if stacked else ((0, 0.455), (0.545, 1))
    upper, lower = ((0.59, 1), (0, 0.41)) if stacked else ((0, 1), (0, 1))
    titles = (PLAIN[measure], "Test accuracy, higher is better")
    heads = [
        {
            "text": f"<b>{title}</b>",
            "x": a[0],
            "y": b[1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 10,
            "showarrow": False,
            "font": {"size": 13},
        }
        for title, a, b in zip(titles, (left, right), (upper, lower), strict=True)
    ]
    return {
        "width": width,
        "height": 2 * HEIGHT - 20 if stacked else HEIGHT,
        "margin": MARGIN,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": text, "size": 12},
        "hovermode": "closest",
        "annotations": heads,
        "shapes": _cursor(session) if session.result else [],
        "xaxis": {**x, "domain": left, "anchor": "y"},
        "yaxis": {**axis, "type": "log", "domain": upper, "anchor": "x", "dtick": "D2", "tickformat": "~g"},
        "xaxis2": {**x, "domain": right, "anchor": "y2"},
        "yaxis2": {**axis, "domain": lower, "anchor": "x2", "tickformat": ".0%", "nticks": 7},
        "uirevision": "keep",
    }


def _one_two_five(low: int, high: int) -> Iterable[int]:
    marks = [m * 10**e for e in range(0, 9) for m in (1, 2, 5)]
    inside = [m for m in marks if low <= m <= high]
    return inside if len(inside) <= 8 else [m for m in inside if str(m)[0] in "15"]


def describe(session: Session) -> str:
    """The caption: what the lines and bands are, which classifier was trained on what, and scored on what."""
    result = session.result
    if result is None:
        return ""
    words = ["The dotted line is the budget."]
    frame = session.trained if session.trained is not None else result.random.accuracy
    if frame is None:
        words.append(session.probe_note or "Accuracies follow.")
    else:
        seeds = frame["seed"].nunique()
        judged = str(frame["judged_on"].iloc[0]) if "judged_on" in frame else "the test set"
        what = str(frame["regime"].iloc[0]) if "regime" in frame else "probe"
        trained = (
            "a linear classifier on the features"
            if what.startswith("probe")
            else f"{frame['model'].iloc[0]} ({what})"
        )
        seeds_text = (
            f"mean of {seeds} seeds, bands one standard deviation" if seeds > 1 else "one seed, so no band"
        )
        words.insert(
            0, f"Accuracy: {trained}, trained on the weighted selection, scored on {judged}; {seeds_text}."
        )
        words.insert(1, f"Left: seed {session.seed}, no band.")
    return " ".join(words)


def table_html(session: Session) -> str:
    """One row a method at the slider's budget; an accuracy is bold when it leads by more than one standard deviation."""
    result = session.result
    if result is None:
        return ""
    runs = shown_runs(result)
    styles = palette.method_styles(list(runs), session.theme == "dark")
    measure, j = error_measure(result), min(session.j, len(result.budgets) - 1)
    points = {name: accuracies(name, run, session.trained) for name, run in runs.items()}
    random_name = next(name for name, run in runs.items() if run is result.random)
    at = _nearest([row[0] for row in points[random_name]], result.budgets[j])
    values = {name: next((r for r in rows if r[0] == at), None) for name, rows in points.items()}
    leader = _leader(values)
    heads = [
        "Method",
        f"{'Gradient error' if measure == 'gradient_error' else 'Mean distance'} at {result.budgets[j]:,}",
        f"Accuracy at {at:,}" if at else "Accuracy",
        "Points over random",
        "Time to select",
    ]
    rows = []
    for name, run in runs.items():
        error = run.numbers.get(measure, [None] * (j + 1))[j]
        value, base = values[name], values[random_name]
        accuracy = "–" if value is None else f"{value[1]:.1%} ± {100 * value[2]:.1f}"
        if name == leader:
            accuracy = f"<b>{accuracy}</b>"
        over = (
            "–" if value is None or base is None else f"{100 * (value[1] - base[1]):+.1f}".replace("-", "−")
        )
        over = "baseline" if name == random_name else over
        cells = ["–" if error is None else f"{error:.3g}", accuracy, over, f"{run.seconds:.2f} s"]
        label = f"{swatch(styles[name])} <span>{html.escape(name)}</span>"
        rows.append(f"<tr><th scope=row>{label}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
    head = "".join(f"<th scope=col>{h}</th>" for h in heads)
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def swatch(style: palette.Style, width: int = 24) -> str:
    """A method's line as a small picture for legends and tables."""
    lengths = {
        "solid": "",
        "dash": "6 3",
        "dot": "2 2",
        "dashdot": "6 2 2 2",
        "longdash": "9 3",
        "longdashdot": "9 2 2 2",
    }
    dash = lengths.get(style.dash, style.dash.replace("px", "").replace(",", " "))
    return (
        f'<svg class=cx-swatch width={width} height=8 viewBox="0 0 {width} 8" aria-hidden=true>'
        f'<line x1=0 y1=4 x2={width} y2=4 stroke="{style.color}" stroke-width=3 stroke-dasharray="{dash}"/></svg>'
    )


def _nearest(budgets: list[int], k: int) -> int:
    return min(budgets, key=lambda b: abs(b - k), default=0)


def _leader(values: dict[str, tuple | None]) -> str | None:
    known = sorted(((v[1], v[2], name) for name, v in values.items() if v is not None), reverse=True)
    if len(known) < 2:
        return None
    (best, best_sd, name), (second, second_sd, _) = known[:2]
    return name if best - second > max(best_sd, second_sd) else None
