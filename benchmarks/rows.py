"""Rows that benchmarks share: some of a dataset, the same in every run, and a shop's orders as one table."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas
import torch

import coreset_explore as cx

TABLES = "orders order_reviews order_items order_payments products"


def some(name: str, rows: int) -> cx.Data:
    """The same seeded rows of it in every run; 0 is all."""
    data = cx.load(name)
    if not 0 < rows < len(data):
        return data
    drawn = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:rows]
    return data[drawn.sort().values]


def cifar10(rows: int, test: str) -> cx.Data:
    """CIFAR-10 with one of its batches as the test, or the official one; or so many made-up rows in its place."""
    if rows:
        draw = torch.Generator().manual_seed(0)
        y = torch.arange(2 * rows) % 10
        x = torch.randint(0, 60, (2 * rows, 3, 32, 32), generator=draw) + 19 * y.view(-1, 1, 1, 1)
        x = x.to(torch.uint8)
        return cx.Data(x[:rows], y[:rows], tuple("0123456789"), x[rows:], y[rows:], "images", "made up")
    return cx.load("cifar10") if test == "official" else cx.load("cifar10", test_from="data_batch_5")


def olist(folder: Path):
    """An order a row: what it held, cost and weighed, how it was paid, when it came; y is its last review's score."""
    table = {name: pandas.read_csv(folder / f"olist_{name}_dataset.csv") for name in TABLES.split()}
    items = table["order_items"].merge(table["products"], on="product_id", how="left")
    size = items.product_length_cm * items.product_height_cm * items.product_width_cm
    by = items.assign(litres=size / 1000).groupby("order_id")
    held = by.agg(
        items=("order_item_id", "max"), sellers=("seller_id", "nunique"), price=("price", "sum"),
        freight=("freight_value", "sum"), grams=("product_weight_g", "sum"), litres=("litres", "sum"),
        photos=("product_photos_qty", "mean"), described=("product_description_lenght", "mean"),
    )  # fmt: skip
    paid = (
        table["order_payments"]
        .groupby("order_id")
        .agg(paid=("payment_value", "sum"), installments=("payment_installments", "max"))
    )
    orders = table["orders"].set_index("order_id")
    day = {
        name: pandas.to_datetime(orders[name]) for name in orders if name.endswith(("_date", "_timestamp"))
    }
    came, bought = day["order_delivered_customer_date"], day["order_purchase_timestamp"]
    promised = day["order_estimated_delivery_date"]
    when = pandas.DataFrame({
        "days": (came - bought).dt.days, "promised": (promised - bought).dt.days, "late": (came - promised).dt.days,
        "never_came": came.isna().astype(float), "month": bought.dt.month,
    })  # fmt: skip
    score = table["order_reviews"].sort_values("review_creation_date").groupby("order_id").review_score.last()
    joined = when.join([held, paid], how="left").join(score, how="inner")
    for name in (
        "price",
        "freight",
        "grams",
        "litres",
        "paid",
        "described",
    ):  # a few are a hundred times the others
        joined[name] = (joined[name] + 1).map(math.log, na_action="ignore")
    joined = joined.fillna(joined.median())
    joined = joined.astype("float32").astype({"review_score": "int64"})
    return replace(cx.load(joined, y="review_score", test=0.25), name="olist")
