"""Blocks of results have the same content as text and as HTML; the HTML is escaped and has no colours of its own."""

import re

import pytest
from elements import Elements

from scratchcnn.display.blocks import (
    WIDTH,
    Facts,
    Group,
    Indented,
    Lines,
    Paragraph,
    Table,
    Title,
    html_of,
    text_of,
)  # fmt: skip
from scratchcnn.display.displayed import Displayed

HOSTILE = "<script>alert('&')</script>"
BLOCKS = {
    "title": Title(HOSTILE), "paragraph": Paragraph(HOSTILE, first="1. "), "facts": Facts([(HOSTILE, HOSTILE)]),
    "head": Table([HOSTILE], [["1"]]), "cell": Table(["a"], [[HOSTILE]]), "lines": Lines([HOSTILE]),
    "group": Group(Title(HOSTILE), Indented(Paragraph(HOSTILE), "  ")),
}  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_text_is_escaped_in_html(block):
    elements = Elements(block.html())
    assert "script" not in elements.tags
    assert HOSTILE in "".join(elements.texts)
    assert HOSTILE in "\n".join(block.lines())


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_html_has_inline_styles_only_and_sets_no_colour(block):
    elements = Elements(block.html())
    assert {"style", "link"}.isdisjoint(elements.tags)
    assert {name for name, _ in elements.attributes} == {"style"}
    for _, style in elements.attributes:
        properties = dict(re.findall(r"([a-z-]+): ([^;]+)", style))
        assert "color" not in properties
        assert properties.get("background", "transparent") == "transparent"
        assert not re.search(r"#[0-9a-f]{3}|rgb|black|white(?!-)", style)


def test_table_has_the_same_cells_as_text_and_as_html():
    table = Table(["layer", "zeros"], [["conv2d", "7 %"], ["dense", "44 %"]])
    assert table.lines() == ["layer   zeros", "------  -----", "conv2d    7 %", "dense    44 %"]
    assert Elements(table.html()).texts == ["layer", "zeros", "conv2d", "7 %", "dense", "44 %"]


def test_columns_of_a_table_have_the_same_alignment_in_html():
    cells = re.findall(r"<t[hd] style=\"[^\"]*text-align: (\w+)[^\"]*\">(\w+)<", Table("ab", ["cd"], left=(1,)).html())
    assert cells == [("right", "a"), ("left", "b"), ("right", "c"), ("left", "d")]


def test_facts_may_have_several_short_cells():
    facts = Facts([("ok   ", "labels", "10 classes"), ("WRONG", "pixels", "not scaled")], gap=2)
    assert facts.lines() == ["ok     labels  10 classes", "WRONG  pixels  not scaled"]
    assert Elements(facts.html()).texts == ["ok", "labels", "10 classes", "WRONG", "pixels", "not scaled"]


def test_long_text_is_wrapped_in_lines_and_not_in_html():
    text = "word " * 60 + "end"
    lines = Paragraph(text).lines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= WIDTH
    assert Elements(Paragraph(text).html()).texts == [text]


def test_blocks_are_separated_by_blank_lines_except_within_a_group():
    assert text_of([Title("a"), Group(Paragraph("b"), Indented(Lines(["c", "d"]), "  "))]) == "a\n\nb\n  c\n  d"
    assert Elements(html_of([Title("a"), Lines(["c", "d"])])).texts == ["a", "c\nd"]


def test_result_is_printed_represented_and_displayed_from_the_same_blocks():
    class Found(Displayed):
        def blocks(self):
            return [Title("Two layers. Both are dense."), Table(["layer"], [["dense"]])]

    assert str(Found()) == "Two layers. Both are dense.\n\nlayer\n-----\ndense"
    assert repr(Found()) == "<Found: Two layers; print it>"
    assert Elements(Found()._repr_html_()).texts == ["Two layers. Both are dense.", "layer", "dense"]
