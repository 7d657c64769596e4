"""What a notebook prints for each thing: one line that says what it is and how much of it there is."""

import pytest
import torch

import coreset_explore as cx
from coreset_explore.inputs.fields import History
from coreset_explore.projection import Map
from coreset_explore.recording.initial import Layers
from tests.pools import history

MANY = 1_500
SHOWN = {
    "Dense(1,500 rows; 40 numbers a row)": lambda: cx.Dense(torch.zeros(MANY, 40)),
    "LastLayer(1,500 rows, 10 classes, 84 features, 3 steps; 2,550 numbers a row)": lambda: cx.LastLayer(
        torch.zeros(3, MANY, 10), torch.zeros(3, MANY, 84)
    ),
    "LastLayer(2 rows, 3 classes, 4 features, 1 step; 15 numbers a row)": lambda: cx.LastLayer(
        torch.zeros(1, 2, 3), torch.zeros(1, 2, 4)
    ),
    "Layers(5 rows, 2 layers; 30 numbers a row)": lambda: Layers(torch.zeros(2, 5, 3), torch.zeros(2, 5, 4)),
    "History(1,500 rows, 1 epoch: correct, p_true, logit_margin, loss, el2n, kl)": lambda: history(
        MANY, 1, torch.Generator().manual_seed(0)
    ),
    "Map(1,500 points: PCA)": lambda: Map(torch.zeros(MANY, 2), "pca", "PCA", 0, 0.1),
    "Method(selector random: Uniformly at random without replacement.)": lambda: cx.METHODS["random"],
    "Selection(2 rows by mine, weights none)": lambda: cx.Selection.of([1_200, 7]),
    "Pool(unnamed: 1,500 rows, emb (1500, 2), ids (1500,))": lambda: cx.Pool.of(torch.zeros(MANY, 2)),
}


@pytest.mark.parametrize("line", SHOWN, ids=lambda line: line.partition("(")[0])
def test_one_line_says_what_it_is(line):
    assert repr(SHOWN[line]()) == line


def test_the_line_of_a_whole_is_as_short_as_that_of_a_part():
    """No tensor is printed: the line grows with nothing but the digits of its counts."""
    few, many = (history(n, 50, torch.Generator().manual_seed(0)) for n in (9, MANY))
    assert isinstance(few, History) and len(repr(many)) - len(repr(few)) == len("1,500") - len("9")
