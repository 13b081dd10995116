"""The charts of the Quality page. Imported by it alone, and late: Altair takes a while to load.

Colours and fonts are those of Streamlit's theme, so that they follow light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import altair as alt
import pandas as pd

from app_pages.quality.figures import Bar, Bin, over_time
from rag.evaluation import Run

_HEIGHT = 280
_HEIGHT_WITH_LEGEND = 340
_SHARE = alt.Scale(domain=[0, 1])
_TICKS = [0, 0.25, 0.5, 0.75, 1]


def _share_axis(title: str) -> alt.Axis:
    return alt.Axis(title=title, format="%", values=_TICKS)


def recall_chart(values: Sequence[float]) -> alt.Chart:
    """Draw which share of the right articles is among the first k."""
    data = pd.DataFrame({"depth": range(1, len(values) + 1), "recall": values})
    return _sized(
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("depth:O", axis=alt.Axis(title="First articles looked at", labelAngle=0)),
            y=alt.Y("recall:Q", scale=_SHARE, axis=_share_axis("Right articles found")),
            tooltip=[
                alt.Tooltip("depth:O", title="first articles"),
                alt.Tooltip("recall:Q", title="found", format=".0%"),
            ],
        )
    )


def reliability_chart(bins: Sequence[Bin]) -> alt.LayerChart:
    """Draw the share of questions that have an answer by confidence, over the diagonal."""
    data = pd.DataFrame(bins)
    x = alt.X("confidence:Q", scale=_SHARE, axis=_share_axis("Confidence of the answer"))
    y = alt.Y("answerable:Q", scale=_SHARE, axis=_share_axis("Have an answer"))
    ideal = pd.DataFrame({"confidence": [0.0, 1.0], "answerable": [0.0, 1.0]})
    line = alt.Chart(ideal).mark_line(strokeDash=[4, 4], strokeWidth=1, color="gray").encode(x=x, y=y)
    base = alt.Chart(data).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("confidence:Q", title="mean confidence", format=".0%"),
            alt.Tooltip("answerable:Q", title="have an answer", format=".0%"),
            alt.Tooltip("questions:Q", title="questions"),
        ],
    )
    points = base.mark_circle(opacity=1).encode(
        size=alt.Size("questions:Q", scale=alt.Scale(range=[50, 350], zero=True), legend=None)
    )
    return _sized(line + base.mark_line() + points)


def latency_chart(bars: Sequence[Bar]) -> alt.Chart:
    """Draw how many answers took how long."""
    # A logarithmic scale has no zero.
    data = pd.DataFrame([replace(bar, low=bar.low or 0.5) for bar in bars])
    return _sized(
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(
                    title="Time to answer, milliseconds",
                    values=[bar.low for bar in bars] + [bars[-1].high],
                    format=",~r",
                    grid=False,
                    labelOverlap=True,
                ),
            ),
            x2="high:Q",
            y=alt.Y("answers:Q", axis=alt.Axis(title="Answers", tickMinStep=1, tickCount=5)),
            tooltip=[
                alt.Tooltip("low:Q", title="from, ms"),
                alt.Tooltip("high:Q", title="to, ms"),
                alt.Tooltip("answers:Q", title="answers"),
            ],
        )
    )


def runs_chart(runs: Sequence[Run]) -> alt.Chart:
    """Draw how three measures changed from run to run."""
    data = pd.DataFrame(over_time(runs))
    is_short = runs[-1].at - runs[0].at < timedelta(days=3)
    return _sized(
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "at:T",
                scale=alt.Scale(type="utc"),
                axis=alt.Axis(
                    title="Time of the run, UTC",
                    labelOverlap=True,
                    tickCount=5,
                    format="%-d %b %H:%M" if is_short else "%-d %b %Y",
                ),
            ),
            y=alt.Y("value:Q", scale=_SHARE, axis=_share_axis("Share of the questions")),
            color=alt.Color(
                "measure:N",
                sort=None,
                legend=alt.Legend(title=None, orient="top", labelFontSize=13, columnPadding=8, offset=4),
            ),
            tooltip=[
                alt.Tooltip("utcyearmonthdatehoursminutes(at):T", title="run"),
                alt.Tooltip("measure:N", title="measure"),
                alt.Tooltip("value:Q", title="share", format=".0%"),
            ],
        ),
        _HEIGHT_WITH_LEGEND,
    )


def _sized(chart: Any, height: int = _HEIGHT) -> Any:
    # Drawn as SVG the words take their ink from page.css: the theme's grey is too faint on our paper.
    return chart.properties(
        height=height, background="transparent", usermeta={"embedOptions": {"renderer": "svg"}}
    )
